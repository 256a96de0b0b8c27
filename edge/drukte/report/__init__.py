"""The open room: talks to the world and never sees a frame."""
