package config

import _ "embed"

//go:embed example.yml
var example string

// Example returns a commented config that is valid as it stands.
func Example() string { return example }
