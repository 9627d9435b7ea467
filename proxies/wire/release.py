"""The release: what the control plane and the proxies say of themselves."""

VERSION = "0.1.0"
