package main

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/margay-audit/margay/auditlog/synth"
	"github.com/margay-audit/margay/event"
	"github.com/margay-audit/margay/store"
	"github.com/margay-audit/margay/store/catalog"
	"github.com/margay-audit/margay/store/segment"
)

// defaultKills is how often each of the tests below kills the real process;
// MARGAY_KILLS sets another number (make soak).
const defaultKills = 50

func kills(t *testing.T) int {
	t.Helper()
	text := os.Getenv("MARGAY_KILLS")
	if text == "" {
		return defaultKills
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("MARGAY_KILLS: %v", err)
	}
	return n
}

// margayProcess starts the test binary as margay.
func margayProcess(t *testing.T, output *bytes.Buffer, args ...string) *exec.Cmd {
	t.Helper()
	return margayProcessIn(t, output, nil, args...)
}

// margayProcessIn does so with more in the environment.
func margayProcessIn(t *testing.T, output *bytes.Buffer, env []string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = slices.Concat(os.Environ(), []string{asMargay + "=1", hurry + "=1"}, env)
	cmd.Stdout, cmd.Stderr = output, output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if cmd.ProcessState == nil {
			cmd.Process.Kill()
			cmd.Wait()
		}
	})
	return cmd
}

// mongod writes an audit log that rotates, and remembers what it wrote.
type mongod struct {
	path    string
	gen     *synth.Generator
	rand    *rand.Rand
	written map[[32]byte]int
	lines   int64
	size    int64
	rotated int
}

func newMongod(path string, seed uint64) *mongod {
	return &mongod{
		path: path, gen: synth.New(synth.Config{Seed: seed}), rand: rand.New(rand.NewPCG(seed, 1)),
		written: map[[32]byte]int{},
	}
}

// write appends a burst of lines, sometimes torn in two writes, sometimes
// rotating before or compressing what was rotated.
func (m *mongod) write(t *testing.T, lines int) {
	t.Helper()
	var text []byte
	for range lines {
		from := len(text)
		text = m.gen.Next(text)
		m.written[sha256.Sum256(bytes.TrimSuffix(text[from:], []byte("\n")))]++
	}
	m.lines += int64(lines)
	if m.size > 400<<10 {
		m.rotate(t)
	}
	f, err := os.OpenFile(m.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	cut := m.rand.IntN(len(text))
	for _, part := range [][]byte{text[:cut], text[cut:]} {
		if _, err := f.Write(part); err != nil {
			t.Fatal(err)
		}
	}
	m.size += int64(len(text))
}

func (m *mongod) rotate(t *testing.T) {
	t.Helper()
	m.rotated++
	m.size = 0
	name := fmt.Sprintf("%s.2024-03-13T10-%02d-%02d", m.path, m.rotated/60, m.rotated%60)
	if err := os.Rename(m.path, name); err != nil {
		t.Fatal(err)
	}
	if m.rand.IntN(3) > 0 {
		return
	}
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	z.Write(text)
	z.Close()
	if err := os.WriteFile(name+".gz", packed.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
}

// storedLines reads the exact bytes of every live row, with the row ids, which
// must all differ.
func storedLines(t *testing.T, dir string) (lines map[[32]byte]int, rows int64) {
	t.Helper()
	r, err := store.OpenReader(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	lines = map[[32]byte]int{}
	ids := map[event.RowID]bool{}
	snapshot, err := r.Snapshot(t.Context(), catalog.Which{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range snapshot.Segments {
		s, err := segment.Open(r.Path(&snapshot.Segments[i]))
		if err != nil {
			t.Fatal(err)
		}
		err = s.Rows(nil, func(row *segment.Row) error {
			rows++
			lines[sha256.Sum256(row.Raw)]++
			if ids[row.ID] {
				return fmt.Errorf("row id %s is stored twice", row.ID)
			}
			ids[row.ID] = true
			return nil
		})
		if err := errors.Join(err, s.Close()); err != nil {
			t.Fatal(err)
		}
	}
	return lines, rows
}

// awaitRows waits until the folder holds n rows or more.
func awaitRows(t *testing.T, dir string, n int64) {
	t.Helper()
	deadline := time.Now().Add(2 * time.Minute)
	var rows int64
	var err error
	for time.Now().Before(deadline) {
		if rows, err = storedRows(t.Context(), dir); err == nil && rows >= n {
			return
		}
		<-time.After(20 * time.Millisecond)
	}
	t.Fatalf("%d of %d rows are stored, and no more come: %v", rows, n, err)
}

func killConfig(t *testing.T, extra string) (config, dataDir, logPath string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "log"), 0o700); err != nil {
		t.Fatal(err)
	}
	config = filepath.Join(dir, "margay.yaml")
	text := `data_dir: ./data
sources:
  - name: prod mongod
    type: file
    paths: ["log/auditLog.json*"]
    redact: off # to compare every line with what was written
store: { flush_interval: 20ms` + extra + ` }
`
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return config, filepath.Join(dir, "data"), filepath.Join(dir, "log", "auditLog.json")
}

// TestKillNine kills the collecting process at random instants, while its log
// grows and rotates and segments are merged and deleted, and starts it again.
// In the end every line is stored exactly once, and the store verifies.
func TestKillNine(t *testing.T) {
	t.Parallel()
	config, dataDir, logPath := killConfig(t, "")
	m := newMongod(logPath, 42)
	r := rand.New(rand.NewPCG(7, 7))
	var output bytes.Buffer
	for range kills(t) {
		output.Reset()
		cmd := margayProcess(t, &output, "run", "-c", config)
		began := time.Now()
		life := time.Duration(30+r.IntN(250)) * time.Millisecond
		for time.Since(began) < life {
			m.write(t, 1+r.IntN(120))
			<-time.After(time.Duration(r.IntN(10)) * time.Millisecond)
		}
		killNine(t, cmd, &output)
	}
	finish(t, config, dataDir, m, &output)
}

// finish runs margay until all is stored, ends it in good order, and compares.
func finish(t *testing.T, config, dataDir string, m *mongod, output *bytes.Buffer) {
	t.Helper()
	output.Reset()
	cmd := margayProcess(t, output, "run", "-c", config)
	awaitRows(t, dataDir, m.lines)
	stop(t, cmd, output)
	lines, rows := storedLines(t, dataDir)
	compare(t, m, lines, rows)
	output.Reset()
	verify := margayProcess(t, output, "store", "verify", "--data-dir", dataDir)
	if err := verify.Wait(); err != nil {
		t.Errorf("store verify: %v\n%s", err, output)
	}
	noLeftovers(t, dataDir)
}

// killNine kills a process that must not have ended by itself.
func killNine(t *testing.T, cmd *exec.Cmd, output *bytes.Buffer) {
	t.Helper()
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Fatalf("the process was not killed: %v\n%s", err, output)
	}
}

// stop ends margay as a service manager does.
func stop(t *testing.T, cmd *exec.Cmd, output *bytes.Buffer) {
	t.Helper()
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("SIGTERM: %v\n%s", err, output)
	}
}

// noLeftovers looks for temporary files after a good end.
func noLeftovers(t *testing.T, dataDir string) {
	t.Helper()
	err := filepath.WalkDir(dataDir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && filepath.Ext(path) == ".tmp" {
			t.Errorf("%s is left over", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestKillNineWhileLoading kills margay load again and again; each next one
// goes on, and the last says that nothing is missing.
func TestKillNineWhileLoading(t *testing.T) {
	t.Parallel()
	_, dataDir, logPath := killConfig(t, "")
	m := newMongod(logPath, 43)
	for range 60 {
		m.write(t, 500)
	}
	files, err := filepath.Glob(logPath + "*")
	if err != nil || len(files) < 3 {
		t.Fatalf("%v %v", files, err)
	}
	args := append([]string{"load", "-q", "--no-redact", "--data-dir", dataDir}, files...)
	r := rand.New(rand.NewPCG(9, 9))
	var output bytes.Buffer
	killed := 0
	for range kills(t) / 2 {
		output.Reset()
		cmd := margayProcess(t, &output, args...)
		<-time.After(time.Duration(20+r.IntN(300)) * time.Millisecond)
		cmd.Process.Kill()
		if cmd.Wait() != nil {
			killed++
		}
	}
	if killed == 0 {
		t.Error("no load was killed: the test proves nothing")
	}
	output.Reset()
	if err := margayProcess(t, &output, args...).Wait(); err != nil {
		t.Fatalf("%v\n%s", err, &output)
	}
	lines, rows := storedLines(t, dataDir)
	compare(t, m, lines, rows)
}

func compare(t *testing.T, m *mongod, lines map[[32]byte]int, rows int64) {
	t.Helper()
	if rows != m.lines {
		t.Errorf("%d rows are stored, %d lines were written", rows, m.lines)
	}
	for sum, n := range m.written {
		if lines[sum] != n {
			t.Fatalf("a line that was written %d times is stored %d times", n, lines[sum])
		}
	}
}

// TestTwoProcesses: the second run on a folder is refused with the pid of the
// first, and loads hand over to it.
func TestTwoProcesses(t *testing.T) {
	t.Parallel()
	config, dataDir, logPath := killConfig(t, "")
	m := newMongod(logPath, 44)
	m.write(t, 100)
	var first, second bytes.Buffer
	running := margayProcess(t, &first, "run", "-c", config)
	awaitRows(t, dataDir, 100)
	err := margayProcess(t, &second, "run", "-c", config).Wait()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != exitUsage || !bytes.Contains(second.Bytes(), []byte(strconv.Itoa(running.Process.Pid))) {
		t.Errorf("second run: %v\n%s", err, &second)
	}
	other := newMongod(filepath.Join(t.TempDir(), "other.json"), 45)
	other.write(t, 200)
	var group sync.WaitGroup
	for range 4 { // the same file by four processes at once: once
		group.Go(func() {
			var out bytes.Buffer
			if err := margayProcess(t, &out, "load", "--data-dir", dataDir, other.path).Wait(); err != nil {
				t.Errorf("load: %v\n%s", err, &out)
			}
		})
	}
	group.Wait()
	if rows, err := storedRows(t.Context(), dataDir); err != nil || rows != 300 {
		t.Errorf("%d rows after loading beside the running process: %v", rows, err)
	}
	running.Process.Signal(os.Interrupt)
	if err := running.Wait(); err != nil {
		t.Errorf("Ctrl-C: %v\n%s", err, &first)
	}
}
