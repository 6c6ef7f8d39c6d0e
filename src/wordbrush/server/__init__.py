"""The editor over HTTP: jobs, pictures by id, and the page that people open. Needs the extra `ui`."""
