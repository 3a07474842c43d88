"""Clients of the services that Airflow talks to."""
