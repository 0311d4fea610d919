//! What every node carries: configuration, identity, lease, telemetry, drain.
