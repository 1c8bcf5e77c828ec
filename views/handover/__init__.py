"""Skills handed over: adopted into a folder, bundled, proved by a receipt, and followed to what they touched."""
