package query

import (
	"os"
	"testing"
)

// ungated is the hidden argument of a worker without the gate: what lies behind
// it must hold too.
const ungated = "sql-worker-ungated"

// naked is a worker without gate and settings: only the kernel is left.
const naked = "sql-worker-naked"

// TestMain lets the test binary be the child, as the program is in production.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case WorkerCommand:
			os.Exit(Worker())
		case ungated:
			os.Exit(worker{gate: openGate, settings: true}.work(os.Stdin, os.Stdout, os.NewFile(reportFile, "report")))
		case naked:
			os.Exit(worker{gate: openGate}.work(os.Stdin, os.Stdout, os.NewFile(reportFile, "report")))
		}
	}
	os.Exit(m.Run())
}

// openGate lets everything pass and makes every table.
func openGate(string, serializer, []string) (*plan, error) { return &plan{all: true}, nil }
