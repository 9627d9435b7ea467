from proxies import compiled

__path__ = compiled.places("net", __path__)
