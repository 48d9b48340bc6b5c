//go:build linux

package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"
)

// process is a running bootstrap.
type process struct {
	cmd     *exec.Cmd
	api     *runtimeAPI
	cfg     *config
	stderr  bytes.Buffer // read only after exit
	exited  chan error
	started time.Time
}

// start runs the target against a Runtime API that has n invocations ready.
// Nothing of our own environment is passed on, except PATH.
func start(cfg *config, t *target, n int) (*process, error) {
	path, err := filepath.Abs(t.path)
	if err != nil {
		return nil, err
	}
	if cfg.evict {
		if err := evict(path); err != nil {
			return nil, err
		}
	}
	api, err := newRuntimeAPI(t.event, t.expect, n)
	if err != nil {
		return nil, err
	}
	p := &process{api: api, cfg: cfg, exited: make(chan error, 1)}
	p.cmd = exec.Command(path)
	p.cmd.Dir = filepath.Dir(path)
	p.cmd.Stderr = &p.stderr
	p.cmd.Env = append([]string{
		"PATH=" + os.Getenv("PATH"),
		"TZ=:UTC", "LANG=en_US.UTF-8",
		"AWS_LAMBDA_RUNTIME_API=" + api.ln.Addr().String(),
		"AWS_LAMBDA_FUNCTION_NAME=bench", "AWS_LAMBDA_FUNCTION_VERSION=$LATEST",
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE=" + strconv.Itoa(cfg.memory),
		"AWS_LAMBDA_INITIALIZATION_TYPE=on-demand",
		"AWS_LAMBDA_LOG_GROUP_NAME=/aws/lambda/bench", "AWS_LAMBDA_LOG_STREAM_NAME=bench",
		"LAMBDA_TASK_ROOT=" + p.cmd.Dir, "LAMBDA_RUNTIME_DIR=/var/runtime",
		"_HANDLER=bootstrap",
		"AWS_REGION=us-east-1", "AWS_DEFAULT_REGION=us-east-1",
		"AWS_ACCESS_KEY_ID=AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY=dummy", "AWS_SESSION_TOKEN=dummy",
		"AWS_EC2_METADATA_DISABLED=true",
	}, append(append([]string{}, cfg.env...), t.env...)...)
	if err := p.launch(); err != nil {
		api.close()
		return nil, err
	}
	go func() { p.exited <- p.cmd.Wait() }()
	return p, nil
}

// wait returns when the batch in progress ends.
func (p *process) wait() error {
	select {
	case err := <-p.api.done:
		return err
	case err := <-p.exited:
		p.exited <- err // for stop
		select {
		case reported := <-p.api.done: // it said why before it went
			if reported != nil {
				return reported
			}
		default:
		}
		return fmt.Errorf("the function exited (%v): %s", err, p.stderr.Bytes())
	case <-time.After(p.cfg.timeout):
		return errors.New("timed out")
	}
}

func (p *process) stop() {
	p.cmd.Process.Kill()
	<-p.exited
	p.api.close()
	if p.cfg.cpu > 0 {
		os.Remove(cgroup())
	}
}

// usage is what a process has used up so far.
type usage struct {
	cpu       time.Duration // user and system, exact
	user, sys int64         // the same, in clock ticks
	faults    float64       // page faults, minor and major
	peakRSS   float64       // MiB
}

func (p *process) usage() (u usage, err error) {
	pid := p.cmd.Process.Pid
	// The CPU clock of another process (see clock_getcpuclockid(3)) is exact to
	// the nanosecond, where /proc/PID/stat counts ticks of 10 ms.
	var ts syscall.Timespec
	clock := int32(^pid<<3 | 2)
	if _, _, errno := syscall.Syscall(syscall.SYS_CLOCK_GETTIME, uintptr(clock), uintptr(unsafe.Pointer(&ts)), 0); errno != 0 {
		return u, fmt.Errorf("CPU clock of %d: %w", pid, errno)
	}
	u.cpu = time.Duration(ts.Nano())
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return u, err
	}
	f := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	minor, _ := strconv.ParseFloat(f[7], 64)
	major, _ := strconv.ParseFloat(f[9], 64)
	u.faults = minor + major
	u.user, _ = strconv.ParseInt(f[11], 10, 64)
	u.sys, _ = strconv.ParseInt(f[12], 10, 64)
	// Not ru_maxrss: after vfork that one also covers the parent's memory.
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return u, err
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	kb, _ := strconv.ParseFloat(strings.Fields(rest + " 0")[0], 64)
	u.peakRSS = kb / 1024
	return u, nil
}

// evict drops the file's clean pages from the page cache (POSIX_FADV_DONTNEED).
func evict(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	f.Sync()
	if _, _, errno := syscall.Syscall6(syscall.SYS_FADVISE64, f.Fd(), 0, 0, 4, 0, 0); errno != 0 {
		return errno
	}
	return nil
}

// launch starts the command, under -cpu and -pin as they ask. A child begins in the
// cgroup and on the CPUs of the thread that forks it, so this thread goes there
// just for the fork; the child is never seen outside of them.
func (p *process) launch() (err error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if p.cfg.cpu > 0 {
		leave, err := enterCgroup(p.cfg.cpu)
		if err != nil {
			return err
		}
		defer leave()
	}
	if last := runtime.NumCPU() - 1; p.cfg.pin {
		if err := setCPUs(0, 1<<last); err != nil {
			return err
		}
		defer setCPUs(0, 1<<last-1)
	}
	p.started = time.Now()
	return p.cmd.Start()
}

func cgroup() string { return fmt.Sprintf("/sys/fs/cgroup/cpu/lambdabench-%d", os.Getpid()) }

// enterCgroup moves this thread into a cgroup (v1) with a CPU quota per 20 ms, the
// nearest a plain machine comes to a Lambda of less than 1769 MB.
func enterCgroup(cpus float64) (leave func() error, err error) {
	const period = 20000
	dir := cgroup()
	set := func(file string, v int) error {
		return os.WriteFile(file, []byte(strconv.Itoa(v)), 0o644)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	err = errors.Join(
		set(dir+"/cpu.cfs_period_us", period),
		set(dir+"/cpu.cfs_quota_us", int(cpus*period)),
		set(dir+"/tasks", syscall.Gettid()))
	return func() error { return set(filepath.Dir(dir)+"/tasks", syscall.Gettid()) }, err
}

// setCPUs binds a thread (0: this one) to the CPUs of the mask.
func setCPUs(tid int, mask uint64) error {
	_, _, errno := syscall.RawSyscall(syscall.SYS_SCHED_SETAFFINITY, uintptr(tid), 8, uintptr(unsafe.Pointer(&mask)))
	if errno != 0 {
		return fmt.Errorf("binding thread %d to CPUs %b: %w", tid, mask, errno)
	}
	return nil
}

// leaveLastCPU keeps all our own threads off the CPU that -pin gives the function.
func leaveLastCPU() error {
	last := runtime.NumCPU() - 1
	if last < 1 || last > 62 {
		return errors.New("-pin needs 2 to 63 CPUs")
	}
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return err
	}
	for _, t := range tasks {
		tid, err := strconv.Atoi(t.Name())
		if err == nil {
			err = setCPUs(tid, 1<<last-1)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
