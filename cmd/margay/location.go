package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/margay-audit/margay/config"
)

// defaultConfig and defaultDataDir are used where neither -c nor --data-dir is
// given; both are relative to the current folder.
const (
	defaultConfig  = "margay.yaml"
	defaultDataDir = "data"
)

// location says which data folder a command works on.
type location struct {
	Config  string `short:"c" type:"path" placeholder:"FILE" help:"The config (default: ./margay.yaml where there is one)."`
	DataDir string `type:"path" placeholder:"DIR" env:"MARGAY_DATA_DIR" help:"The data folder (default: the config's, else ./data)."`
}

// resolve returns the data folder, and the config or nil.
func (l location) resolve(p *program) (dir string, cfg *config.Config, err error) {
	path := l.Config
	if path == "" && l.DataDir == "" {
		if _, err := os.Stat(defaultConfig); err == nil {
			path = defaultConfig
		}
	}
	if path != "" {
		if cfg, err = config.Load(path, p.lookupEnv); err != nil {
			return "", nil, withCode(exitUsage, err)
		}
		dir = cfg.DataDir
	}
	if l.DataDir != "" {
		dir = l.DataDir
	}
	if dir == "" {
		dir = defaultDataDir
	}
	// The SQL worker has a working directory of its own, and so may a process
	// that work is handed over to.
	if dir, err = filepath.Abs(dir); err != nil {
		return "", nil, err
	}
	if info, err := os.Stat(dir); err == nil && !info.IsDir() {
		return "", nil, withCode(exitUsage, notAFolder(dir))
	}
	return dir, cfg, nil
}

func notAFolder(dir string) error {
	return fmt.Errorf("the data folder %s is a file: name a folder with --data-dir or -c", dir)
}

// existing is resolve for commands that only read: the folder must be there.
func (l location) existing(p *program) (string, error) {
	dir, _, err := l.resolve(p)
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
		return "", withCode(exitUsage, fmt.Errorf("there is no data folder %s: say where it is with --data-dir or -c, or fill one with margay load FILE", dir))
	} else if err != nil {
		return "", err
	}
	return dir, nil
}
