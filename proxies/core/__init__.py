from proxies import compiled

__path__ = compiled.places("core", __path__)
