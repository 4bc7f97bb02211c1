# docker build -t glan . && docker run --rm -it -v "$PWD:/data" --user "$(id -u):$(id -g)" glan demo
FROM python:3.12-slim AS wheel
COPY . /source
RUN pip wheel --no-deps --wheel-dir /wheels /source

FROM python:3.12-slim
RUN --mount=type=bind,from=wheel,source=/wheels,target=/wheels pip install --no-cache-dir /wheels/*.whl
ENV HOME=/tmp PYTHONUNBUFFERED=1
WORKDIR /data
USER 65534:65534
ENTRYPOINT ["glan"]
