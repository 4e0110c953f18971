# docker build -t mockllm .
# docker run --read-only -p 8080:8080 mockllm                           the healthy server
# docker run --read-only -p 8080:8080 mockllm serve stall-mid-stream    another profile
# docker run --rm mockllm list                                          any other command
#
# Address and port come from the environment, so arguments that replace the command keep them. To
# listen on another port set MOCKLLM_PORT: the health check reads it too.

FROM python:3.13-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/mockllm
COPY pyproject.toml README.md LICENSE NOTICE /src/
COPY mockllm /src/mockllm
COPY profiles /src/profiles
# Bytecode is made here, because nothing can be written later.
RUN /opt/mockllm/bin/pip install --compile "/src[speed]" && /opt/mockllm/bin/pip uninstall --yes pip

FROM python:3.13-slim
LABEL org.opencontainers.image.title="mockllm" \
      org.opencontainers.image.description="A mock LLM server that fails on purpose, exactly." \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/mockllm /opt/mockllm
ENV PATH=/opt/mockllm/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    MOCKLLM_HOST=0.0.0.0 \
    MOCKLLM_PORT=8080
# Numeric, so that Kubernetes can see that it is not root.
USER 65532:65532
WORKDIR /
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=3s --start-period=10s --start-interval=250ms \
    CMD ["mockllm", "healthcheck"]
ENTRYPOINT ["mockllm"]
CMD ["serve"]
