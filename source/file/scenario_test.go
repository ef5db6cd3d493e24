package file

import (
	"os"
	"testing"
	"testing/synctest"
	"time"
)

// scenario is something that happens to log files. After all steps, each line
// written with world.write must be stored exactly once.
type scenario struct {
	name  string
	steps []func(w *world)
}

func scenarios() []scenario {
	type step = func(w *world)
	write := func(name string, n int) step { return func(w *world) { w.write(name, n) } }
	raw := func(name, s string) step { return func(w *world) { w.append(name, []byte(s)) } }
	return []scenario{
		{"grows", []step{write("audit.json", 3), write("audit.json", 1), write("audit.json", 200)}},
		{"appears later", []step{write("audit.json", 3), write("audit.json.2", 3)}},
		{"is empty at first", []step{raw("audit.json", ""), write("audit.json", 3)}},
		{"is renamed and recreated", []step{
			write("audit.json", 3),
			func(w *world) {
				w.write("audit.json", 2)
				w.rename("audit.json", "audit.json.2024-03-13T10-28-04")
				w.write("audit.json", 4)
			},
			write("audit.json", 1),
		}},
		{"is written to after the rename", []step{
			write("audit.json", 3),
			func(w *world) { w.rename("audit.json", "audit.json.1"); w.write("audit.json", 2) },
			write("audit.json.1", 2),
		}},
		{"is renamed out of the globs", []step{
			write("audit.json", 3),
			func(w *world) { w.rename("audit.json", "old"); w.write("old", 2); w.write("audit.json", 2) },
			func(w *world) { w.rename("old", "audit.json.old") },
		}},
		{"has numbered suffixes", []step{
			write("audit.json", 3),
			func(w *world) { w.rename("audit.json", "audit.json.1"); w.write("audit.json", 3) },
			func(w *world) {
				w.rename("audit.json.1", "audit.json.2")
				w.rename("audit.json", "audit.json.1")
				w.write("audit.json", 3)
			},
		}},
		{"is copied and truncated", []step{
			write("audit.json", 30),
			func(w *world) {
				w.write("audit.json", 5)
				w.copy("audit.json", "audit.json.1")
				w.truncate("audit.json")
				w.write("audit.json", 2)
			},
			write("audit.json", 50),
		}},
		{"is truncated and grows beyond its old size at once", []step{
			write("audit.json", 3),
			func(w *world) {
				w.copy("audit.json", "audit.json.1")
				w.truncate("audit.json")
				w.write("audit.json", 30)
			},
		}},
		{"is compressed", []step{
			write("audit.json", 30),
			func(w *world) { w.rename("audit.json", "audit.json.1"); w.write("audit.json", 2) },
			func(w *world) { w.gzip("audit.json.1") },
			func(w *world) { w.zstd("audit.json") },
			write("audit.json", 3),
		}},
		{"is first seen compressed", []step{
			func(w *world) { w.write("x", 300); w.gzip("x"); w.rename("x.gz", "audit.json.1.gz") },
			func(w *world) { w.write("y", 300); w.zstd("y"); w.rename("y.zst", "audit.json.2.zst") },
			func(w *world) { w.rename("y", "audit.json.y") },
		}},
		{"is compressed before its end was read", []step{
			write("audit.json", 3),
			func(w *world) { w.write("audit.json", 5); w.gzip("audit.json") },
		}},
		{"is copied while short and long", []step{
			write("audit.json", 400),
			func(w *world) { w.copy("audit.json", "audit.json.copy") },
			write("audit.json", 3),
			func(w *world) { w.copy("audit.json", "audit.json.copy") },
		}},
		{"is cut by a copy within a line", []step{
			write("audit.json", 600),
			func(w *world) { w.put("audit.json.copy", w.read("audit.json")[:33_333]) },
			func(w *world) { w.put("audit.json.copy2", w.read("audit.json")[:77_777]) },
		}},
		{"comes with a longer copy", []step{
			write("audit.json", 10),
			func(w *world) { w.copy("audit.json", "audit.json.copy"); w.write("audit.json.copy", 5) },
		}},
		{"shares its first lines with another", []step{
			func(w *world) {
				w.append("audit.json", []byte("{\"first\":1}\n"))
				w.append("audit.json.b", []byte("{\"first\":1}\n"))
				w.want = append(w.want, []byte("{\"first\":1}"), []byte("{\"first\":1}"))
				w.write("audit.json", 5)
				w.write("audit.json.b", 8)
			},
			write("audit.json.b", 400), write("audit.json", 500),
		}},
		{"diverges from a copy after 64 KiB", []step{
			write("audit.json", 700),
			func(w *world) {
				shared := w.read("audit.json")[:100_000]
				shared = shared[:lastLine(shared)]
				w.put("audit.json.b", shared)
				w.write("audit.json.b", 300)
				w.want = append(w.want, split(shared)...)
			},
		}},
		{"is written anew with the same first line", []step{
			func(w *world) {
				w.append("audit.json", []byte("{\"first\":1}\n"))
				w.write("audit.json", 5)
			},
			func(w *world) {
				w.copy("audit.json", "audit.json.1")
				w.put("audit.json", []byte("{\"first\":1}\n"))
				w.write("audit.json", 40)
				w.want = append(w.want, []byte("{\"first\":1}"), []byte("{\"first\":1}"))
			},
			write("audit.json", 5),
		}},
		{"shares its first line with a longer one", []step{
			func(w *world) {
				for _, name := range []string{"audit.json", "audit.json.b"} {
					w.append(name, []byte("{\"first\":1}\n"))
					w.want = append(w.want, []byte("{\"first\":1}"))
				}
				w.write("audit.json", 1200)
			},
			func(w *world) { w.write("audit.json.b", 600) },
			write("audit.json.b", 3),
		}},
		{"diverges from a copy after its last mark", []step{
			func(w *world) {
				w.append("audit.json", w.text(1)) // the head
				for len(w.read("audit.json")) < 100_000 {
					w.write("audit.json", 10)
				}
			},
			func(w *world) {
				shared := w.read("audit.json")[:90_000]
				shared = shared[:lastLine(shared)]
				w.want = append(w.want, split(shared)...)
				w.put("audit.json.b", append(shared, w.text(120)...))
			},
		}},
		{"has equal lines", []step{
			func(w *world) {
				for range 3 {
					w.append("audit.json", []byte("{\"same\":1}\n"))
					w.want = append(w.want, []byte(`{"same":1}`))
				}
			},
			func(w *world) {
				w.append("audit.json", []byte("{\"same\":1}\n"))
				w.want = append(w.want, []byte(`{"same":1}`))
			},
		}},
		{"has two names", []step{
			write("audit.json", 3),
			func(w *world) { must(w.t, os.Link(w.path("audit.json"), w.path("audit.json.link"))) },
			func(w *world) { must(w.t, os.Symlink(w.path("audit.json"), w.path("audit.json.sym"))) },
			write("audit.json.link", 2),
		}},
		{"holds BSON", []step{
			func(w *world) { w.docs(1, 5) }, func(w *world) { w.docs(6, 400) },
			func(w *world) { w.copy("audit.json.bson", "audit.json.copy") },
			func(w *world) { w.gzip("audit.json.copy"); w.docs(406, 3) },
		}},
		{"holds documents over several lines", []step{
			func(w *world) {
				w.append("audit.json", []byte(pretty+"\n{\n  \"b\" :"))
				w.want = append(w.want, []byte(pretty))
			},
			func(w *world) {
				w.append("audit.json", []byte(" 1\n}\n"+good+"\n"))
				w.want = append(w.want, []byte("{\n  \"b\" : 1\n}"), []byte(good))
			},
			write("audit.json", 2),
		}},
		{"has carriage returns, empty lines and a byte order mark", []step{
			raw("audit.json", "\xef\xbb\xbf"),
			func(w *world) { w.append("audit.json", append(w.line(), "\r\n\r\n\n  \n"...)) },
			write("audit.json", 1),
		}},
	}
}

// docs appends n BSON documents of rising lengths.
func (w *world) docs(first, n int) {
	for i := range n {
		d := []byte(doc(first + i))
		w.append("audit.json.bson", d)
		w.want = append(w.want, d)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func lastLine(b []byte) int {
	i := len(b)
	for b[i-1] != '\n' {
		i--
	}
	return i
}

func split(b []byte) (lines [][]byte) {
	start := 0
	for i, c := range b {
		if c == '\n' {
			lines = append(lines, append([]byte(nil), b[start:i]...))
			start = i + 1
		}
	}
	return lines
}

// TestScenarios runs each scenario in one go, with a restart after each step,
// with each step made while the source is down, and at last loads everything
// once more.
func TestScenarios(t *testing.T) {
	ways := []struct {
		name              string
		restart, whileOff bool
	}{{"running", false, false}, {"restarted", true, false}, {"away", true, true}}
	for _, sc := range scenarios() {
		for _, way := range ways {
			t.Run(sc.name+"/"+way.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := newWorld(t)
					w.begin()
					w.pass(10 * time.Second)
					for _, step := range sc.steps {
						if way.whileOff {
							w.stop()
						}
						step(w)
						if way.whileOff {
							w.begin()
						}
						w.pass(3 * time.Second)
						if way.restart && !way.whileOff {
							w.stop()
							w.begin()
						}
					}
					w.pass(time.Minute)
					w.stop()
					w.check()
					if err := w.load(w.path("*")); err != nil {
						t.Errorf("load: %v", err)
					}
					w.check()
				})
			})
		}
	}
}
