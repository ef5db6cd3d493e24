package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/margay-audit/margay/store"
	"github.com/margay-audit/margay/store/catalog"
)

// diskEnv names a file by which a test switches the disk of a running margay:
// while it is there, it says what is wrong.
const diskEnv = "MARGAY_TEST_DISK"

// switchedDisk is a disk that fails while a file with the reason exists. It
// works for every user and on every machine; TestDiskFull uses a real small
// disk as well where it may mount one.
type switchedDisk string

func (d switchedDisk) Do(what, path string, do func() error) error {
	reason, err := os.ReadFile(string(d))
	if err != nil {
		return do()
	}
	switch string(reason) {
	case "full":
		if what != "remove" { // which takes no space
			return &fs.PathError{Op: what, Path: path, Err: syscall.ENOSPC}
		}
		return do()
	default:
		return &fs.PathError{Op: what, Path: path, Err: syscall.EROFS}
	}
}

// watched is what a process says, for a test that reads while it speaks.
type watched struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (w *watched) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.buf.Write(p)
}

func (w *watched) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.buf.String()
}

// await waits until the process has said all the words.
func (w *watched) await(t *testing.T, words ...string) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for {
		said := w.String()
		missing := ""
		for _, word := range words {
			if !strings.Contains(said, word) {
				missing = word
			}
		}
		if missing == "" {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("it never said %q:\n%s", missing, said)
		}
		<-time.After(20 * time.Millisecond)
	}
}

// startMargay starts a margay with more in its environment.
func startMargay(t *testing.T, env []string, args ...string) (*exec.Cmd, *watched) {
	t.Helper()
	out := &watched{}
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(append(os.Environ(), asMargay+"=1", hurry+"=1"), env...)
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if cmd.ProcessState == nil {
			cmd.Process.Kill()
			cmd.Wait()
		}
	})
	return cmd, out
}

// refused runs margay, which must fail with a code and say the words.
func refused(t *testing.T, code int, words []string, args ...string) {
	t.Helper()
	cmd, out := startMargay(t, nil, args...)
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != code {
		t.Errorf("margay %v: %v, want exit code %d\n%s", args, err, code, out)
	}
	for _, word := range words {
		if !strings.Contains(out.String(), word) {
			t.Errorf("margay %v does not say %q:\n%s", args, word, out)
		}
	}
}

// succeeds runs margay to a good end.
func succeeds(t *testing.T, args ...string) string {
	t.Helper()
	cmd, out := startMargay(t, nil, args...)
	if err := cmd.Wait(); err != nil {
		t.Errorf("margay %v: %v\n%s", args, err, out)
	}
	return out.String()
}

func terminate(t *testing.T, cmd *exec.Cmd, out *watched) {
	t.Helper()
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("SIGTERM: %v\n%s", err, out)
	}
}

// collected runs margay until every line is stored, and ends it.
func collected(t *testing.T, config, dataDir string, m *mongod) {
	t.Helper()
	cmd, out := startMargay(t, nil, "run", "-c", config)
	awaitRows(t, dataDir, m.lines)
	terminate(t, cmd, out)
}

// TestDiskFails: while the disk of the data folder is full, or cannot be
// written, a running margay says so, in its log and in its status as far as
// that can be written, stores nothing, and goes on by itself afterwards.
func TestDiskFails(t *testing.T) {
	t.Parallel()
	for reason, words := range map[string]string{
		"full":      "the disk of the data folder is full; nothing is lost",
		"read-only": "the data folder cannot be written; nothing is lost",
	} {
		t.Run(reason, func(t *testing.T) {
			t.Parallel()
			config, dataDir, logPath := killConfig(t, "")
			m := newMongod(logPath, 50)
			m.write(t, 200)
			disk := filepath.Join(t.TempDir(), "disk")
			cmd, out := startMargay(t, []string{diskEnv + "=" + disk}, "run", "-c", config)
			awaitRows(t, dataDir, 200)
			for range 3 {
				if err := os.WriteFile(disk, []byte(reason), 0o600); err != nil {
					t.Fatal(err)
				}
				m.write(t, 300)
				out.await(t, words, "source failed, starting it again")
				if err := os.Remove(disk); err != nil {
					t.Fatal(err)
				}
				m.write(t, 100)
				awaitRows(t, dataDir, m.lines)
			}
			terminate(t, cmd, out)
			lines, rows := storedLines(t, dataDir)
			compare(t, m, lines, rows)
			// A read-only disk keeps temporary files from being removed too; the
			// next start does it.
			succeeds(t, "store", "resume-retention", "--data-dir", dataDir)
			noLeftovers(t, dataDir)
			succeeds(t, "store", "verify", "--data-dir", dataDir)
		})
	}
}

// TestSmallDisk fills a real disk, where the tests may mount one; elsewhere
// TestDiskFails has to do.
func TestSmallDisk(t *testing.T) {
	t.Parallel()
	config, dataDir, logPath := killConfig(t, "")
	if err := os.Mkdir(dataDir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("margay", dataDir, "tmpfs", 0, "size=3m"); err != nil {
		t.Logf("no disk can be mounted here (%v): the fault is only injected, by TestDiskFails", err)
		return
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dataDir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	m := newMongod(logPath, 51)
	cmd, out := startMargay(t, nil, "run", "-c", config)
	m.write(t, 200)
	awaitRows(t, dataDir, 200)
	ballast := filepath.Join(dataDir, "ballast")
	if err := fill(ballast); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("the disk is not full: %v", err)
	}
	m.write(t, 2000)
	out.await(t, "the disk of the data folder is full; nothing is lost")
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	awaitRows(t, dataDir, m.lines)
	terminate(t, cmd, out)
	lines, rows := storedLines(t, dataDir)
	compare(t, m, lines, rows)
	succeeds(t, "store", "verify", "--data-dir", dataDir)
}

// fill writes a file until the disk is full.
func fill(path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	for block := make([]byte, 4<<10); ; {
		if _, err := f.Write(block); err != nil {
			return err
		}
	}
}

// TestLostCatalog: with a catalog that is gone, damaged or older than the
// segments margay changes nothing and names the command that helps, after which
// everything is there again and collecting goes on where it was.
func TestLostCatalog(t *testing.T) {
	t.Parallel()
	for name, harm := range map[string]func(t *testing.T, path, yesterday string){
		"deleted": func(t *testing.T, path, _ string) {
			t.Helper()
			removeCatalog(t, path)
		},
		"garbage": func(t *testing.T, path, _ string) {
			t.Helper()
			removeCatalog(t, path)
			if err := os.WriteFile(path, bytes.Repeat([]byte("no catalog at all "), 4000), 0o600); err != nil {
				t.Fatal(err)
			}
		},
		"overwritten within": func(t *testing.T, path, _ string) {
			t.Helper()
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			for i := 4096; i < len(text); i++ {
				text[i] ^= 0xa5
			}
			removeCatalog(t, path)
			if err := os.WriteFile(path, text, 0o600); err != nil {
				t.Fatal(err)
			}
		},
		"empty": func(t *testing.T, path, _ string) {
			t.Helper()
			removeCatalog(t, path)
			if err := os.WriteFile(path, nil, 0o600); err != nil {
				t.Fatal(err)
			}
		},
		"yesterday's": func(t *testing.T, path, yesterday string) {
			t.Helper()
			removeCatalog(t, path)
			if err := os.Rename(yesterday, path); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config, dataDir, logPath := killConfig(t, "")
			catalogPath := filepath.Join(dataDir, "catalog.sqlite")
			m := newMongod(logPath, 52)
			m.write(t, 400)
			collected(t, config, dataDir, m)
			yesterday := filepath.Join(t.TempDir(), "catalog.sqlite")
			text, err := os.ReadFile(catalogPath)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(yesterday, text, 0o600); err != nil {
				t.Fatal(err)
			}
			m.write(t, 400)
			collected(t, config, dataDir, m)

			harm(t, catalogPath, yesterday)
			m.write(t, 100)
			before := segmentFiles(t, dataDir)
			refused(t, exitUsage, []string{"margay store rebuild"}, "run", "-c", config)
			refused(t, exitUsage, []string{"margay store rebuild"}, "load", "--data-dir", dataDir, logPath)
			for _, args := range [][]string{{"sql", "SELECT count(*) FROM events"}, {"status"}} {
				if name != "yesterday's" { // which is whole, just not of today
					refused(t, exitUsage, []string{"margay store rebuild"}, append(args, "--data-dir", dataDir)...)
				}
			}
			if after := segmentFiles(t, dataDir); !equalFiles(before, after) {
				t.Errorf("segments before the refusal %v, after it %v", before, after)
			}
			succeeds(t, "store", "rebuild", "--data-dir", dataDir)
			collected(t, config, dataDir, m)
			lines, rows := storedLines(t, dataDir)
			compare(t, m, lines, rows)
			succeeds(t, "store", "verify", "--data-dir", dataDir)
		})
	}
}

func removeCatalog(t *testing.T, path string) {
	t.Helper()
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(path + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
	}
}

// segmentFiles lists the segments with their sizes.
func segmentFiles(t *testing.T, dataDir string) map[string]int64 {
	t.Helper()
	files := map[string]int64{}
	err := filepath.WalkDir(filepath.Join(dataDir, "segments"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			files[path] = info.Size()
		}
		return err
	})
	if err != nil || len(files) == 0 {
		t.Fatalf("%d segments: %v", len(files), err)
	}
	return files
}

func equalFiles(a, b map[string]int64) bool {
	for path, size := range a {
		if b[path] != size {
			return false
		}
	}
	return len(a) == len(b)
}

// TestDamagedSegment: verify names a segment whose bytes changed; collecting
// and asking go on, and the damage is never merged into a whole segment.
func TestDamagedSegment(t *testing.T) {
	t.Parallel()
	config, dataDir, logPath := killConfig(t, "")
	m := newMongod(logPath, 53)
	m.write(t, 300)
	collected(t, config, dataDir, m)
	r, err := store.OpenReader(dataDir)
	if err != nil {
		t.Fatal(err)
	}
	snapshot, err := r.Snapshot(t.Context(), catalog.Which{})
	if err := errors.Join(err, r.Close()); err != nil || len(snapshot.Segments) == 0 {
		t.Fatalf("%d segments: %v", len(snapshot.Segments), err)
	}
	damaged := snapshot.Segments[0]
	path := filepath.Join(dataDir, "segments", filepath.FromSlash(damaged.Name))
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text[len(text)/4] ^= 1
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	refused(t, exitFailed, []string{filepath.Base(damaged.Name)}, "store", "verify", "--data-dir", dataDir)
	cmd, out := startMargay(t, nil, "run", "-c", config)
	for range 12 { // enough to be merged, with the damaged one if that were possible
		m.write(t, 50)
		awaitRows(t, dataDir, m.lines)
	}
	terminate(t, cmd, out)
	refused(t, exitFailed, []string{filepath.Base(damaged.Name)}, "store", "verify", "--data-dir", dataDir)
	// Counting reads no more of a segment than its footer, which is whole.
	want := fmt.Sprintf("n\n%d\n", m.lines)
	if text := succeeds(t, "sql", "--data-dir", dataDir, "-o", "csv", "SELECT count(*) AS n FROM events"); text != want {
		t.Errorf("SQL sees %q, want %q", text, want)
	}
}

// TestUnreadableLog: a log that cannot be opened blocks its own source, which
// says why, and no other; it is read once it can be.
func TestUnreadableLog(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	config := filepath.Join(dir, "margay.yaml")
	text := `data_dir: ./data
sources:
  - { name: one, type: file, paths: ["one.json"] }
  - { name: two, type: file, paths: ["two.json"] }
store: { flush_interval: 20ms }
`
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	// A link to itself cannot be opened by anybody, root included.
	one := filepath.Join(dir, "one.json")
	if err := os.Symlink("one.json", one); err != nil {
		t.Fatal(err)
	}
	two := newMongod(filepath.Join(dir, "two.json"), 54)
	two.write(t, 100)
	dataDir := filepath.Join(dir, "data")
	cmd, out := startMargay(t, nil, "run", "-c", config)
	awaitRows(t, dataDir, 100)
	awaitStatusText(t, dataDir, `"blocked"`, "one.json")
	if err := os.Remove(one); err != nil {
		t.Fatal(err)
	}
	newMongod(one, 55).write(t, 100)
	awaitRows(t, dataDir, 200)
	terminate(t, cmd, out)
}

// awaitStatusText waits until the status of a folder has all the words.
func awaitStatusText(t *testing.T, dataDir string, words ...string) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for {
		cmd, out := startMargay(t, nil, "status", "--data-dir", dataDir, "-o", "json")
		err := cmd.Wait()
		found := err == nil
		for _, word := range words {
			found = found && strings.Contains(out.String(), word)
		}
		if found {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("status never said %q: %v\n%s", words, err, out)
		}
		<-time.After(50 * time.Millisecond)
	}
}

// TestTerminate ends margay in the middle of heavy reading: it stores what is
// under way, says that all is well, and the next run has nothing to repair.
func TestTerminate(t *testing.T) {
	t.Parallel()
	config, dataDir, logPath := killConfig(t, "")
	m := newMongod(logPath, 56)
	for range 4 {
		m.write(t, 10_000)
	}
	stopped := 0
	for ended := false; !ended; {
		cmd, out := startMargay(t, nil, "run", "-c", config)
		seen, err := storedRows(t.Context(), dataDir)
		if err != nil && !errors.Is(err, store.ErrNoStore) {
			t.Fatal(err)
		}
		awaitRows(t, dataDir, min(seen+1, m.lines))
		acknowledged, err := storedRows(t.Context(), dataDir)
		if err != nil {
			t.Fatal(err)
		}
		terminate(t, cmd, out)
		after, err := storedRows(t.Context(), dataDir)
		if err != nil || after < acknowledged || !strings.Contains(out.String(), "stopped in good order") {
			t.Fatalf("%d rows were visible before SIGTERM, %d after it: %v\n%s", acknowledged, after, err, out)
		}
		if stopped++; stopped < 4 {
			m.write(t, 10_000)
		}
		ended = after == m.lines
		if stopped > 100 {
			t.Fatalf("%d of %d lines after %d runs", after, m.lines, stopped)
		}
		noLeftovers(t, dataDir)
	}
	lines, rows := storedLines(t, dataDir)
	compare(t, m, lines, rows)
	succeeds(t, "store", "verify", "--data-dir", dataDir)
}

// TestReadOnlyFolder: where nothing can be written, run says so and ends, and
// what is stored can be asked all the same.
func TestReadOnlyFolder(t *testing.T) {
	t.Parallel()
	config, dataDir, logPath := killConfig(t, "")
	m := newMongod(logPath, 57)
	m.write(t, 200)
	collected(t, config, dataDir, m)
	thaw, err := freeze(dataDir)
	if err != nil {
		t.Logf("no folder can be made read-only for root here (%v): TestDiskFails injects the fault", err)
		return
	}
	t.Cleanup(func() { _ = thaw() }) // a second time does no harm
	m.write(t, 100)
	refused(t, exitUsage, []string{"the data folder cannot be written; nothing is lost"}, "run", "-c", config)
	if out := succeeds(t, "sql", "--data-dir", dataDir, "-o", "csv", "SELECT count(*) AS n FROM events"); out != "n\n200\n" {
		t.Errorf("SQL on a read-only folder: %q", out)
	}
	succeeds(t, "status", "--data-dir", dataDir)
	if err := thaw(); err != nil {
		t.Fatal(err)
	}
	collected(t, config, dataDir, m)
	lines, rows := storedLines(t, dataDir)
	compare(t, m, lines, rows)
}

// freeze makes a folder and what is in it read-only, and returns how to undo
// that. Permissions do not stop root, a mount does.
func freeze(dir string) (thaw func() error, err error) {
	if os.Geteuid() != 0 {
		set := func(perm fs.FileMode) error {
			return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
				if err == nil && d.IsDir() {
					err = os.Chmod(path, perm)
				}
				return err
			})
		}
		return func() error { return set(0o700) }, set(0o500)
	}
	if err := syscall.Mount(dir, dir, "", syscall.MS_BIND, ""); err != nil {
		return nil, err
	}
	thaw = func() error { return syscall.Unmount(dir, syscall.MNT_DETACH) }
	if err := syscall.Mount("", dir, "", syscall.MS_BIND|syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		return nil, errors.Join(err, thaw())
	}
	return thaw, nil
}
