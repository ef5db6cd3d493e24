package query

import (
	"bytes"
	"context"
	"testing"
)

func TestRunHello(t *testing.T) {
	var out, errs bytes.Buffer
	res, err := Run(t.Context(), Request{SQL: "select 1 as a, 'x' as b, [1,2] as c"}, &out, &errs)
	t.Log(out.String(), errs.String(), res, err)
	if err != nil {
		t.Fatal(err)
	}
}

func BenchmarkStart(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		var out, errs bytes.Buffer
		if _, err := Run(context.Background(), Request{SQL: "select 1 as a"}, &out, &errs); err != nil {
			b.Fatal(err)
		}
	}
}
