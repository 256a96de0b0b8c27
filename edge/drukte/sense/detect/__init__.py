"""From a frame to detections: persons in pictures, people in radar echoes."""
