"""The page that runs: what a run tells the page while it goes on, and who runs it."""
