# resift's Airflow image: the DAGs, the plugins, the package, and nothing that requirements.txt does not pin.
#
# The slim base holds Airflow without providers, so what is pinned is what runs; `pip check` fails the build otherwise.
ARG AIRFLOW_IMAGE=apache/airflow:slim-3.3.2-python3.11
FROM ${AIRFLOW_IMAGE}

COPY --chown=airflow:0 requirements.txt /opt/resift/
RUN pip install --no-cache-dir --requirement /opt/resift/requirements.txt

COPY --chown=airflow:0 pyproject.toml README.md LICENSE /opt/resift/
COPY --chown=airflow:0 include/resift /opt/resift/include/resift
RUN pip install --no-cache-dir --no-deps /opt/resift && pip check

COPY --chown=airflow:0 include/datasets ${AIRFLOW_HOME}/include/datasets
COPY --chown=airflow:0 include/sources ${AIRFLOW_HOME}/include/sources
COPY --chown=airflow:0 plugins ${AIRFLOW_HOME}/plugins
COPY --chown=airflow:0 dags ${AIRFLOW_HOME}/dags

ENV AIRFLOW__CORE__LOAD_EXAMPLES=False \
    GX_ANALYTICS_ENABLED=false \
    RESIFT_DATASETS=${AIRFLOW_HOME}/include/datasets \
    RESIFT_SOURCES=${AIRFLOW_HOME}/include/sources
