# Three images of one program:
#   docker build -t wyoming-vietts .                    light: eSpeak NG, Piper and VieNeu, and the page
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
    WYOMING_VIETTS_VIENEU_DIR=/data/models/vieneu \
    WYOMING_VIETTS_MODEL_DIR=/data/models/viet-tts \
    WYOMING_VIETTS_VOICES_DIR=/data/voices
EXPOSE 10200 10280
# A download before the first start takes its time.
HEALTHCHECK --interval=30s --timeout=10s --start-period=10m \
    CMD ["wyoming-vietts", "healthcheck"]
ENTRYPOINT ["wyoming-vietts"]
LABEL org.opencontainers.image.title="wyoming-vietts" \
    org.opencontainers.image.description="A Vietnamese voice for Home Assistant" \
    org.opencontainers.image.source="https://github.com/wyoming-vietts/wyoming-vietts" \
    org.opencontainers.image.licenses="MIT AND GPL-3.0-or-later"

# Packages come first: they change less often than the program. All are pinned by script/lock.
FROM python:3.12-slim-bookworm AS build
WORKDIR /src
RUN python3 -m venv /venv
ENV PATH=/venv/bin:$PATH PIP_NO_CACHE_DIR=1 PIP_NO_DEPS=1 PIP_DISABLE_PIP_VERSION_CHECK=1

FROM build AS build-light
COPY requirements/light.txt .
RUN pip install --require-hashes -r light.txt
# For the app, which installs these with pip where its user chooses VietTTS.
COPY requirements/neural.txt requirements/torch-cpu.txt /venv/pins/
COPY . .
RUN pip install --no-build-isolation . && pip uninstall --yes setuptools

FROM build AS build-neural
COPY requirements/neural.txt .
RUN pip install --require-hashes -r neural.txt
# The builds for a CPU alone, a fifth as large as those for CUDA, come from PyTorch's own index.
# Where it cannot be reached: --build-arg TORCH=torch.txt
ARG TORCH=torch-cpu.txt
COPY requirements/$TORCH .
RUN pip install -r $TORCH
COPY . .
RUN pip install --no-build-isolation .

FROM build AS build-cuda
COPY requirements/cuda.txt requirements/torch.txt ./
RUN pip install --require-hashes -r cuda.txt -r torch.txt
COPY . .
RUN pip install --no-build-isolation .

FROM base AS cuda
COPY --from=build-cuda /venv /venv
USER vietts

FROM base AS neural
COPY --from=build-neural /venv /venv
USER vietts

FROM base AS light
COPY --from=build-light /venv /venv
USER vietts
