# Three images of one program:
#   docker build -t wyoming-vietts .                    light: eSpeak NG and Piper voices
#   docker build -t wyoming-vietts --target neural .    with VietTTS on a CPU
#   docker build -t wyoming-vietts --target cuda .      with VietTTS on an NVIDIA GPU
# Voices, models and what is computed from them are in /data.
FROM python:3.12-slim-bookworm AS base
# The number is fixed, so that the files of a bind mount keep their owner.
RUN groupadd --gid 10200 vietts \
    && useradd --uid 10200 --gid 10200 --home-dir /data --create-home vietts
WORKDIR /data
VOLUME /data
ENV PATH=/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    WYOMING_VIETTS_URI=tcp://0.0.0.0:10200 \
    WYOMING_VIETTS_PIPER_DIR=/data/piper \
    WYOMING_VIETTS_MODEL_DIR=/data/models/viet-tts \
    WYOMING_VIETTS_VOICES_DIR=/data/voices
EXPOSE 10200
# A download before the first start takes its time.
HEALTHCHECK --interval=30s --timeout=10s --start-period=10m \
    CMD ["wyoming-vietts", "healthcheck"]
ENTRYPOINT ["wyoming-vietts"]
LABEL org.opencontainers.image.title="wyoming-vietts" \
    org.opencontainers.image.description="A Vietnamese voice for Home Assistant" \
    org.opencontainers.image.licenses="MIT AND GPL-3.0-or-later"

# Dependencies come first: they change less often than the program.
FROM python:3.12-slim-bookworm AS build
WORKDIR /src
RUN python3 -m venv /venv
COPY pyproject.toml README.md LICENSE ./
RUN mkdir wyoming_vietts && echo '__version__ = "0"' > wyoming_vietts/__init__.py

FROM build AS build-light
RUN /venv/bin/pip install --no-cache-dir ".[piper]"
COPY wyoming_vietts wyoming_vietts
RUN /venv/bin/pip install --no-cache-dir --no-deps --force-reinstall .

FROM build AS build-neural
# PyTorch's own index has builds for a CPU alone, which are a fifth as large as those of PyPI.
# Where it cannot be reached: --build-arg TORCH_INDEX=
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
RUN /venv/bin/pip install --no-cache-dir ${TORCH_INDEX:+--index-url "$TORCH_INDEX"} \
        torch==2.11.* torchaudio==2.11.* \
    && /venv/bin/pip install --no-cache-dir ".[vietts]" \
    && /venv/bin/pip install --no-cache-dir --no-deps viet-tts==0.1.0
COPY wyoming_vietts wyoming_vietts
RUN /venv/bin/pip install --no-cache-dir --no-deps --force-reinstall .

FROM build AS build-cuda
RUN /venv/bin/pip install --no-cache-dir ".[gpu]" \
    && /venv/bin/pip install --no-cache-dir --no-deps viet-tts==0.1.0
COPY wyoming_vietts wyoming_vietts
RUN /venv/bin/pip install --no-cache-dir --no-deps --force-reinstall .

FROM base AS cuda
COPY --from=build-cuda /venv /venv
USER vietts

FROM base AS neural
COPY --from=build-neural /venv /venv
USER vietts

FROM base AS light
COPY --from=build-light /venv /venv
USER vietts
