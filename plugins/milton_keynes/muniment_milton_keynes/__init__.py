"""Milton Keynes: Employment Support Services, declared for Muniment in the TOML files beside this one."""

from muniment.api.plugin import CouncilPlugin

__all__ = ["plugin"]

plugin = CouncilPlugin(__name__)
