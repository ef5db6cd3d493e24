// Package control carries commands that write to a data folder to the process
// that holds it.
//
// Only one process at a time may write to a data folder. While margay run
// holds one, commands such as load hand their work over to it through the Unix
// socket control.sock in that folder: the client sends one [Request], the
// server answers with [Event] values, each a line of JSON, of which the last
// has Done set. Closing the connection cancels the command.
//
// The folder has mode 0700 and the socket 0600, and the server asks the kernel
// who is at the other end: only its own user and root are heard.
package control

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// SocketName is the socket's name in the data folder.
const SocketName = "control.sock"

// maxRequest bounds a request before it is parsed: a few thousand file names.
const maxRequest = 4 << 20

// ErrNotRunning means that no process serves the data folder.
var ErrNotRunning = errors.New("no margay run holds the data folder")

// Request is a command with its arguments.
type Request struct {
	Command string          `json:"command"`
	Args    json.RawMessage `json:"args,omitempty"`
}

// Event is a sign of life of a command under way, or its end.
type Event struct {
	// DoneBytes and TotalBytes are the progress, in bytes of the input.
	DoneBytes  int64 `json:"done_bytes,omitempty"`
	TotalBytes int64 `json:"total_bytes,omitempty"`
	// Result is what the command gives back; only with Done.
	Result json.RawMessage `json:"result,omitempty"`
	// Error is why the command failed; only with Done.
	Error string `json:"error,omitempty"`
	Done  bool   `json:"done,omitempty"`
}

// Peer is who sent a request, as the kernel says.
type Peer struct {
	UID int
	PID int
}

// Handler carries out one request. It may call send with progress from one
// goroutine at a time; what it returns is sent as the last event.
type Handler func(ctx context.Context, peer Peer, req Request, send func(Event)) (result any, err error)

// Server listens on the socket of one data folder.
type Server struct {
	listener *net.UnixListener
	path     string
}

// Listen makes the socket in dir. The caller must hold the folder's lock, so
// that a socket found there is a leftover and can go.
func Listen(ctx context.Context, dir string) (*Server, error) {
	path := filepath.Join(dir, SocketName)
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("remove old control socket: %w", err)
	}
	var l net.Listener
	err := throughFolder(dir, func(short string) (err error) {
		l, err = new(net.ListenConfig).Listen(ctx, "unix", short)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", path, err)
	}
	listener := l.(*net.UnixListener)
	listener.SetUnlinkOnClose(false) // its own idea of the name ends with the folder's descriptor
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("protect control socket: %w", err), listener.Close())
	}
	return &Server{listener: listener, path: path}, nil
}

// throughFolder calls f with a name for the socket in dir that is short enough
// for a socket address (108 bytes on Linux), however deep dir lies.
func throughFolder(dir string, f func(path string) error) error {
	full := filepath.Join(dir, SocketName)
	if len(full) < 100 {
		return f(full)
	}
	folder, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer folder.Close()
	return f("/proc/self/fd/" + strconv.Itoa(int(folder.Fd())) + "/" + SocketName)
}

// Serve answers requests until ctx ends, then waits for the commands under way,
// whose contexts end with it, and removes the socket.
func (s *Server) Serve(ctx context.Context, handle Handler) error {
	var running sync.WaitGroup
	stop := context.AfterFunc(ctx, func() { s.listener.Close() })
	defer stop()
	defer func() { _ = os.Remove(s.path) }() // a leftover is removed by the next Listen
	defer running.Wait()
	for {
		conn, err := s.listener.AcceptUnix()
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return fmt.Errorf("accept on control socket: %w", err)
		}
		running.Go(func() { serve(ctx, conn, handle) })
	}
}

func serve(ctx context.Context, conn *net.UnixConn, handle Handler) {
	defer func() { _ = conn.Close() }()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	unblock := context.AfterFunc(ctx, func() { conn.CloseRead() })
	defer unblock()
	out := json.NewEncoder(conn)
	peer, err := peerOf(conn)
	if err == nil && peer.UID != os.Getuid() && peer.UID != 0 {
		err = fmt.Errorf("user id %d may not command this process", peer.UID)
	}
	if err != nil {
		_ = out.Encode(Event{Error: err.Error(), Done: true}) // the peer may be gone; nobody else to tell
		return
	}
	in := bufio.NewScanner(conn)
	in.Buffer(make([]byte, 0, 4096), maxRequest)
	var req Request
	if !in.Scan() {
		return
	}
	if err := json.Unmarshal(in.Bytes(), &req); err != nil {
		_ = out.Encode(Event{Error: "the request is not JSON: " + err.Error(), Done: true})
		return
	}
	// From here on the client only listens: when its end closes, it has given up.
	go func() {
		in.Scan()
		cancel()
	}()
	last := Event{Done: true}
	result, err := handle(ctx, peer, req, func(e Event) { _ = out.Encode(e) })
	if err != nil {
		last.Error = err.Error()
	}
	if result != nil {
		if last.Result, err = json.Marshal(result); err != nil {
			last.Error = err.Error()
		}
	}
	_ = out.Encode(last)
}

func peerOf(conn *net.UnixConn) (Peer, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return Peer{}, err
	}
	var cred *unix.Ucred
	var credErr error
	err = raw.Control(func(fd uintptr) {
		cred, credErr = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	})
	if err = errors.Join(err, credErr); err != nil {
		return Peer{}, fmt.Errorf("ask who is calling: %w", err)
	}
	return Peer{UID: int(cred.Uid), PID: int(cred.Pid)}, nil
}

// Call sends req to the process that serves dir, hands every progress event to
// progress, and returns the last one. The error is [ErrNotRunning] when nobody
// serves the folder, else it is the command's own or the connection's.
func Call(ctx context.Context, dir string, req Request, progress func(Event)) (Event, error) {
	var conn net.Conn
	err := throughFolder(dir, func(path string) (err error) {
		conn, err = new(net.Dialer).DialContext(ctx, "unix", path)
		return err
	})
	switch {
	case errors.Is(err, syscall.ENOENT), errors.Is(err, syscall.ECONNREFUSED):
		return Event{}, ErrNotRunning
	case err != nil:
		return Event{}, fmt.Errorf("reach the running margay: %w", err)
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	if err := json.NewEncoder(conn).Encode(req); err != nil {
		return Event{}, fmt.Errorf("hand over %s: %w", req.Command, err)
	}
	in := json.NewDecoder(conn)
	for {
		var e Event
		if err := in.Decode(&e); err != nil {
			if ctx.Err() != nil {
				return Event{}, ctx.Err()
			}
			return Event{}, fmt.Errorf("the running margay ended before %s did: %w", req.Command, err)
		}
		if !e.Done {
			progress(e)
			continue
		}
		if e.Error != "" {
			return e, errors.New(e.Error)
		}
		return e, nil
	}
}
