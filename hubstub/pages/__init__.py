"""The pages for people: what is on the hub, rendered here, without scripts. Read-only; permissions are the API's."""
