"""The operations of the contract, one file each."""
