package segment

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/margay-audit/margay/schema"
)

func TestLayoutsSurviveJSON(t *testing.T) {
	t.Parallel()
	layouts := []*Layout{testLayout()}
	for _, s := range allSchemas() {
		layouts = append(layouts, LayoutOf(s))
	}
	seen := map[string]bool{}
	for _, l := range layouts {
		if err := l.check(); err != nil {
			t.Error(err)
		}
		text, err := json.Marshal(l)
		if err != nil {
			t.Fatal(err)
		}
		var again Layout
		if err := json.Unmarshal(text, &again); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(l, &again); diff != "" || !l.Equal(&again) || l.Hash() != again.Hash() {
			t.Errorf("%s: %s", l.LogType, diff)
		}
		if seen[l.Hash()] {
			t.Errorf("%s: the hash is that of another layout", l.LogType)
		}
		seen[l.Hash()] = true
	}
}

func TestLayoutsDiffer(t *testing.T) {
	t.Parallel()
	l := testLayout()
	for name, change := range map[string]func(*Layout){
		"log type": func(l *Layout) { l.LogType = "Test.Other" },
		"version":  func(l *Layout) { l.Version++ },
		"cut":      func(l *Layout) { l.Cut = -1 },
		"name":     func(l *Layout) { l.Columns[0].Name = "atype" },
		"type":     func(l *Layout) { l.Columns[4].Type = schema.TypeInt32 },
		"inside":   func(l *Layout) { l.Columns[9].Children[0].Name = "address" },
		"fewer":    func(l *Layout) { l.Columns = l.Columns[:14] },
	} {
		o := testLayout()
		change(o)
		if l.Equal(o) || o.Equal(l) || l.Hash() == o.Hash() {
			t.Errorf("%s: another layout is taken for the same", name)
		}
	}
}

func TestBadLayouts(t *testing.T) {
	t.Parallel()
	deep := `{"name":"x","type":"string"}`
	for range maxDepth + 1 {
		deep = `{"name":"x","type":"struct","children":[` + deep + `]}`
	}
	for columns, want := range map[string]string{
		`{"name":"a","type":"strin"}`:                                          "unknown type",
		`{"name":"","type":"string"}`:                                          "empty",
		`{"name":"a","type":"string"},{"name":"a","type":"json"}`:              "twice",
		`{"name":"p_row_id","type":"string"}`:                                  "reserved",
		`{"name":"p_any_ids","type":"string"}`:                                 "reserved",
		`{"name":"a","type":"list"}`:                                           "shape",
		`{"name":"a","type":"struct"}`:                                         "shape",
		`{"name":"a","type":"string","children":[{"name":"b","type":"json"}]}`: "shape",
		deep: "deeper",
	} {
		var l Layout
		err := json.Unmarshal([]byte(`{"cut_leaf":-1,"columns":[`+columns+`]}`), &l)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.80s: %v", columns, err)
		}
	}
	for _, cut := range []string{"0", "1", "99"} {
		var l Layout
		if err := json.Unmarshal([]byte(`{"cut_leaf":`+cut+`,"columns":[{"name":"a","type":"struct","children":[{"name":"b","type":"json"}]}]}`), &l); err == nil {
			t.Errorf("cut leaf %s: accepted", cut)
		}
	}
}
