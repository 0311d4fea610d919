//! Shell of the control plane: front door, store, web app.
