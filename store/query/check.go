package query

import "context"

// Check is one attack and what became of it.
type Check struct{ Name string }

// Report is the outcome of CheckSandbox.
type Report struct{ Checks []Check }

type checkOrder struct{}

func runChecks(m *message) ([]Check, error) { return nil, nil }

// CheckSandbox tries the attacks.
func CheckSandbox(ctx context.Context) (Report, error) { return Report{}, nil }
