"""Reference pages of the styles that are not OpenAPI: what to show, for one template."""
