from tests.meshui.telemetry.fixtures import frames, valkey

__all__ = ["frames", "valkey"]
