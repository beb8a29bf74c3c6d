"""PURE: values and their types: what is sent, what is protected, what is watched."""
