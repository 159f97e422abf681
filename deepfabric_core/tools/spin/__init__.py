"""Tools behind HTTP, by the Spin protocol as DeepFabric speaks it: `component` carries out calls over `http`."""
