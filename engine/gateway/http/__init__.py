"""HTTP/1.1 as the gateway speaks it: parsed by llhttp, written as few times as can be (``docs/decisions/0011``)."""
