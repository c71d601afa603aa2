"""What ``make demo`` runs: a made-up pool, three cycles by Airflow, and a fourth that is held."""
