"""Exports NeMo models and rewrites their graphs, for those who prepare models: `pip install fastctc[export]`."""
