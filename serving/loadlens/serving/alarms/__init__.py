"""Alarms: raised inside the transaction of their cause, sent until they arrive, acknowledged by a person."""
