def _write_manifest(parts: Path, wanted: Mapping[str, Any]) -> dict[str, str]:
    files = {path.name: path for path in sorted(parts.iterdir())}
    sha256 = {name: file_digest(path) for name, path in files.items()}
    entries = {
        name: {"size": path.stat().st_size, "sha256": sha256[name]} for name, path in files.items()
    }
    text = json.dumps({**wanted, "files": entries}, indent=1)
    (parts / MANIFEST).write_text(text, encoding="utf-8")
    return sha256


def _read_manifest(entry: Path, wanted: Mapping[str, Any]) -> tuple[dict[str, str], str]:
    """Return the sha256 of each file, and what is wrong with the entry ('' if nothing is)."""
    try:
        manifest = json.loads((entry / MANIFEST).read_bytes())
        if any(manifest[field] != value for field, value in wanted.items()):
            return {}, f"{MANIFEST} is that of another model"
        files = {name: (fact["size"], fact["sha256"]) for name, fact in manifest["files"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}, f"{MANIFEST} is missing or damaged"
    for name, (size, _) in files.items():
        try:
            found = (entry / name).stat().st_size
        except FileNotFoundError:
            return {}, f"{name} is missing"
        if found != size:
            return {}, f"{name} has {found} bytes instead of {size}"
    return {name: sha256 for name, (_, sha256) in files.items()}, ""


def _remove(entry: Path) -> None:
    """Take an entry out of sight in one step, then delete it."""
    aside = entry.with_name(f"{entry.name}.part-{socket.gethostname()}-{os.getpid()}-damaged")
    try:
        entry.rename(aside)
    except FileNotFoundError:
        return  # another process was quicker
    shutil.rmtree(aside, ignore_errors=True)


def _sweep(entry: Path) -> None:
    """Delete what processes of this machine left behind when they were killed."""
    mine = f"{entry.name}.part-{socket.gethostname()}-"
    for parts in entry.parent.glob(f"{mine}*"):
        pid = int(parts.name.removeprefix(mine).removesuffix("-damaged"))
        if pid == os.getpid() or not _alive(pid):
            shutil.rmtree(parts, ignore_errors=True)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


