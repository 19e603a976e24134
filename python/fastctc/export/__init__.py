"""NeMo models exported, and passes over their graphs, for those who prepare models: `pip install fastctc[export]`."""
