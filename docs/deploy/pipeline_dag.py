"""An Airflow DAG: fetch every night, complete a partial catalogue two hours later, then load it."""

from datetime import UTC, datetime, timedelta

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG

START = datetime(2026, 1, 1, tzinfo=UTC)

with DAG("catalogue", schedule="0 2 * * *", start_date=START, catchup=False, max_active_runs=1):
    fetch = BashOperator(
        task_id="fetch",
        bash_command="pipeline -q -c shops.yaml --resume --log-format json",
        cwd="/srv/catalogue",
        # Exit code 3 is a partial catalogue: the retry fetches what is missing. After it, 3 is a failure.
        retries=1,
        retry_delay=timedelta(hours=2),
        # Longer than the key `timeout`, for the writing after it.
        execution_timeout=timedelta(hours=1),
    )
    load = BashOperator(task_id="load", bash_command="duckdb catalogue.duckdb < load.sql", cwd="/srv/catalogue")
    fetch >> load
