"""The log itself: contents, seals, copies, bundles, imports and exports."""
