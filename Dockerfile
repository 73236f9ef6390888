# The light image: the embedded voice, and the neural one where /data/models holds a model and the
# image was built with --build-arg EXTRAS=vietts.
FROM python:3.12-slim-bookworm AS build
ARG EXTRAS=""
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY wyoming_vietts wyoming_vietts
RUN python3 -m venv /venv \
    && /venv/bin/pip install --no-cache-dir ".${EXTRAS:+[$EXTRAS]}" \
    && if [ -n "$EXTRAS" ]; then \
        /venv/bin/pip install --no-cache-dir --no-deps viet-tts==0.1.0; \
    fi

FROM python:3.12-slim-bookworm
RUN useradd --system --home-dir /data --create-home vietts
COPY --from=build /venv /venv
USER vietts
WORKDIR /data
VOLUME /data
ENV PATH=/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    WYOMING_VIETTS_URI=tcp://0.0.0.0:10200 \
    WYOMING_VIETTS_MODEL_DIR=/data/models/viet-tts \
    WYOMING_VIETTS_VOICES_DIR=/data/voices
EXPOSE 10200
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s \
    CMD ["wyoming-vietts", "healthcheck"]
ENTRYPOINT ["wyoming-vietts"]
