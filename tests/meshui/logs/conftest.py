from tests.meshui.telemetry.fixtures import valkey

__all__ = ["valkey"]
