"""What every app builds on: typed errors, the commit (revision, change log, outbox), permissions, API bases."""
