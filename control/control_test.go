package control

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func serveIn(t *testing.T, dir string, h Handler) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	s, err := Listen(ctx, dir)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, h) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if _, err := os.Lstat(filepath.Join(dir, SocketName)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the socket is still there after Serve: %v", err)
		}
	})
}

func echo(_ context.Context, peer Peer, req Request, send func(Event)) (any, error) {
	if req.Command == "fail" {
		return nil, errors.New("as you wish")
	}
	send(Event{DoneBytes: 1, TotalBytes: 2})
	send(Event{DoneBytes: 2, TotalBytes: 2})
	return map[string]any{"uid": peer.UID, "args": req.Args}, nil
}

func TestCall(t *testing.T) {
	t.Parallel()
	dirs := map[string]string{
		"short path":                        t.TempDir(),
		"path longer than a socket address": filepath.Join(t.TempDir(), strings.Repeat("deep/", 30)),
	}
	for name, dir := range dirs {
		t.Run(name, func(t *testing.T) {
			if err := os.MkdirAll(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			serveIn(t, dir, echo)
			if info, err := os.Stat(filepath.Join(dir, SocketName)); err != nil || info.Mode().Perm() != 0o600 {
				t.Fatalf("socket: %v %v, want mode 0600", info, err)
			}
			var seen []int64
			e, err := Call(t.Context(), dir, Request{Command: "echo", Args: json.RawMessage(`["a"]`)}, func(e Event) { seen = append(seen, e.DoneBytes) })
			if err != nil {
				t.Fatal(err)
			}
			var got struct {
				UID  int      `json:"uid"`
				Args []string `json:"args"`
			}
			if err := json.Unmarshal(e.Result, &got); err != nil {
				t.Fatal(err)
			}
			if got.UID != os.Getuid() || len(got.Args) != 1 || got.Args[0] != "a" || len(seen) != 2 {
				t.Errorf("got %+v after %v", got, seen)
			}
			if _, err := Call(t.Context(), dir, Request{Command: "fail"}, func(Event) {}); err == nil || err.Error() != "as you wish" {
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestCallWithoutServer(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, err := Call(t.Context(), dir, Request{Command: "x"}, func(Event) {}); !errors.Is(err, ErrNotRunning) {
		t.Errorf("no socket: %v", err)
	}
	s, err := Listen(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	s.listener.Close() // as after kill -9: the file stays
	if _, err := Call(t.Context(), dir, Request{Command: "x"}, func(Event) {}); !errors.Is(err, ErrNotRunning) {
		t.Errorf("leftover socket: %v", err)
	}
	if s, err = Listen(t.Context(), dir); err != nil {
		t.Fatalf("a leftover socket is in the way: %v", err)
	}
	s.listener.Close()
}

func TestClosingCancels(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	started, cancelled := make(chan struct{}), make(chan struct{})
	serveIn(t, dir, func(ctx context.Context, _ Peer, _ Request, _ func(Event)) (any, error) {
		close(started)
		<-ctx.Done()
		close(cancelled)
		return nil, ctx.Err()
	})
	ctx, giveUp := context.WithCancel(t.Context())
	go func() {
		<-started
		giveUp()
	}()
	if _, err := Call(ctx, dir, Request{Command: "wait"}, func(Event) {}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	<-cancelled
}
