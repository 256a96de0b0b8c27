"""From the records of the sealed room to true numbers of a window. These stay in this process."""
