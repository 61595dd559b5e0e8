"""Models fetched and removed over HTTP, and the jobs that do it; in OpenAI's manner where it has one."""
