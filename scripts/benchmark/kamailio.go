package main

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"time"
)

//go:embed kamailio.cfg
var kamailioTemplate string

var (
	kamailioMemory = target{"Kamailio", "memory alone, 4 children", func(ctx context.Context, b *bench, folder string, j job) (*running, error) {
		return startKamailio(ctx, b, folder, j, nil, "")
	}}
	kamailioDB = target{"Kamailio + MariaDB", "written through; CPU of both", startWithMariaDB}
)

func startKamailio(ctx context.Context, b *bench, folder string, j job, helpers []*process, db string) (*running, error) {
	addr, err := freePort()
	if err != nil {
		return nil, err
	}
	modules, err := filepath.Glob("/usr/lib/*/kamailio/modules")
	if err != nil || len(modules) == 0 {
		return nil, fmt.Errorf("no folder of Kamailio's modules below /usr/lib: %w", err)
	}
	keep := map[string]bool{"db": db != "", "memory": db == "", "digest": j.digest > 0}
	text := strings.NewReplacer("@PORT@", fmt.Sprint(addr.Port()), "@MODULES@", modules[0]+"/", "@DB@", db,
		"@PASSWORD@", password).Replace(choose(kamailioTemplate, keep))
	path, err := write(folder, "kamailio.cfg", text)
	if err != nil {
		return nil, err
	}
	shared := 2048 // MB, touched only where used
	if j.subscriptions > 100_000 {
		shared = 12 << 10
	}
	return serve(ctx, folder, "kamailio", addr, helpers, "kamailio", "-f", path, "-DD", "-E",
		"-m", fmt.Sprint(shared), "-M", "64", "-P", filepath.Join(folder, "kamailio.pid"), "-Y", folder)
}

// choose keeps the marked lines that are wanted, without their marks.
func choose(template string, keep map[string]bool) string {
	var b strings.Builder
	for line := range strings.Lines(template) {
		if mark, rest, found := strings.Cut(line, " "); found && mark != "@" && strings.HasPrefix(mark, "@") {
			if !keep[mark[1:]] {
				continue
			}
			line = rest
		}
		b.WriteString(line)
	}
	return b.String()
}

// startWithMariaDB: a power cut may lose the last second of what was written,
// kill -9 nothing: what presenced's files promise too.
func startWithMariaDB(ctx context.Context, b *bench, folder string, j job) (*running, error) {
	addr, err := freePort()
	if err != nil {
		return nil, err
	}
	me, err := user.Current()
	if err != nil {
		return nil, err
	}
	data := filepath.Join(folder, "mariadb")
	socket := filepath.Join(folder, "mariadb.sock")
	install := exec.CommandContext(ctx, "mariadb-install-db", "--no-defaults", "--datadir="+data, "--user="+me.Username,
		"--auth-root-authentication-method=normal", "--skip-test-db")
	if out, err := install.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("mariadb-install-db: %w: %s", err, out)
	}
	mariadb, err := launch(folder, "mariadb", "mariadbd", "--no-defaults", "--datadir="+data, "--user="+me.Username,
		"--bind-address=127.0.0.1", fmt.Sprintf("--port=%d", addr.Port()), "--socket="+socket,
		"--pid-file="+filepath.Join(folder, "mariadb.pid"), "--innodb-flush-log-at-trx-commit=2", "--innodb-buffer-pool-size=1G", "--skip-log-bin")
	if err != nil {
		return nil, err
	}
	if err = mariadb.accepts(ctx, addr); err == nil {
		err = createTables(ctx, socket)
	}
	if err != nil {
		mariadb.kill()
		return nil, err
	}
	db := fmt.Sprintf("mysql://kamailio:%s@127.0.0.1:%d/kamailio", password, addr.Port())
	return startKamailio(ctx, b, folder, j, []*process{mariadb}, db)
}

func createTables(ctx context.Context, socket string) error {
	var script strings.Builder
	script.WriteString("CREATE DATABASE kamailio CHARACTER SET latin1; USE kamailio;\n")
	fmt.Fprintf(&script, "CREATE USER kamailio@'127.0.0.1' IDENTIFIED BY '%s'; GRANT ALL ON kamailio.* TO kamailio@'127.0.0.1';\n", password)
	fmt.Fprintf(&script, "CREATE USER kamailio@'localhost' IDENTIFIED BY '%s'; GRANT ALL ON kamailio.* TO kamailio@'localhost';\n", password)
	for _, tables := range []string{"standard", "usrloc", "presence"} {
		text, err := os.ReadFile(filepath.Join("/usr/share/kamailio/mysql", tables+"-create.sql"))
		if err != nil {
			return err
		}
		script.Write(text)
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	client := exec.CommandContext(ctx, "mariadb", "--no-defaults", "--user=root", "--socket="+socket)
	client.Stdin = strings.NewReader(script.String())
	if out, err := client.CombinedOutput(); err != nil {
		return fmt.Errorf("mariadb: %w: %s", err, out)
	}
	return nil
}
