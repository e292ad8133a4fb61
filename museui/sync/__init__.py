"""Use-cases: what people do with a repository and a hub, as steps that report the five phases."""
