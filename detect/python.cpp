// Python: pip, poetry, uv, pipenv.
#include <toml++/toml.h>

#include "detect/provider.hpp"

namespace gantry::detecting {
namespace {

constexpr const char* kPythonDefault = "3.12";

std::string main_file(const Source& source) {
  return first_file(source.tree, {"main.py", "app.py", "server.py", "start.py", "bot.py", "run.py",
                                  "wsgi.py", "src/main.py", "app/main.py"});
}

Result<std::string> requires_python(const Source& source) {
  if (!source.has("pyproject.toml")) return std::string();
  try {
    const toml::table table = toml::parse(source.text("pyproject.toml"));
    const auto wanted = table["project"]["requires-python"].value<std::string>();
    const auto poetry = table["tool"]["poetry"]["dependencies"]["python"].value<std::string>();
    return wanted.value_or(poetry.value_or(""));
  } catch (const toml::parse_error& error) {
    return invalid("", "unreadable_file",
                   "pyproject.toml:" + std::to_string(error.source().begin.line) + ": " +
                       std::string(error.description()));
  }
}

std::string version_of(const Source& source, const std::string& wanted, DetectedPlan& plan) {
  std::string version = version_in(source.knob("PYTHON_VERSION"), 2), from = "a variable";
  for (const char* file : {".python-version", "runtime.txt"})
    if (version.empty()) {
      version = version_in(source.text(file), 2);
      from = file;
    }
  if (version.empty() && !wanted.empty()) {
    version = version_in(wanted, 2);
    from = "pyproject.toml";
    if (wanted.find(">=") != std::string::npos && version.size() <= 4 && version < "3.12")
      version = kPythonDefault;
  }
  if (version.empty()) {
    version = kPythonDefault;
    from = "the default";
  }
  plan.notes.push_back("Python " + version + ", by " + from + ".");
  return version;
}

// Requirements that name files of the source need the source first.
bool needs_source(const std::string& requirements) {
  for (const char* mark : {"-e", "--editable", "-r", "-c", "--find-links", "file:", "./", "../"})
    if (requirements.find(mark) != std::string::npos) return true;
  return false;
}

void install(const Source& source, DetectedPlan& plan, Lines& lines) {
  const std::string pip = cache("/root/.cache/pip");
  const std::string knob = source.knob("INSTALL_CMD");
  if (!knob.empty()) {
    lines.add("COPY . .").run(knob, pip);
  } else if (source.has("uv.lock")) {
    plan.notes.push_back("Packages are installed with uv, as uv.lock says.");
    lines.run("command -v uv >/dev/null || pip install --no-cache-dir uv")
        .add("ENV UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never UV_PROJECT_ENVIRONMENT=/opt/venv")
        .add("COPY pyproject.toml uv.lock ./")
        .run("uv sync --frozen --no-dev --no-install-project", cache("/root/.cache/uv"))
        .add("COPY . .")
        .run("uv sync --frozen --no-dev", cache("/root/.cache/uv"));
  } else if (source.has("poetry.lock")) {
    plan.notes.push_back("Packages are installed with Poetry, as poetry.lock says.");
    lines.run("pip install --no-cache-dir poetry")
        .add("ENV POETRY_VIRTUALENVS_CREATE=false")
        .add("COPY pyproject.toml poetry.lock ./")
        .run("VIRTUAL_ENV=/opt/venv poetry install --only main --no-root --no-interaction",
             cache("/root/.cache/pypoetry"))
        .add("COPY . .");
  } else if (source.has("Pipfile.lock")) {
    plan.notes.push_back("Packages are installed with Pipenv, as Pipfile.lock says.");
    lines.run("pip install --no-cache-dir pipenv")
        .add("COPY Pipfile Pipfile.lock ./")
        .run("VIRTUAL_ENV=/opt/venv pipenv install --deploy --system", pip)
        .add("COPY . .");
  } else if (source.has("requirements.txt")) {
    plan.notes.push_back("Packages are installed with pip, as requirements.txt says.");
    const bool first = needs_source(source.text("requirements.txt"));
    lines.add(first ? "COPY . ." : "COPY requirements.txt ./");
    lines.run("pip install --requirement requirements.txt", pip);
    if (!first) lines.add("COPY . .");
  } else if (source.has("pyproject.toml")) {
    plan.notes.push_back("The project itself is installed with pip; there is no lockfile.");
    lines.add("COPY . .").run("pip install .", pip);
  } else {
    lines.add("COPY . .");
  }
}

// "main:app" of the file in which a name stands.
std::string application(const Source& source, const char* constructor) {
  for (const char* file : {"main.py", "app.py", "server.py", "src/main.py", "app/main.py"})
    if (source.text(file).find(std::string(constructor) + "(") != std::string::npos) {
      std::string module = std::string(file).substr(0, std::string_view(file).size() - 3);
      for (char& c : module)
        if (c == '/') c = '.';
      return module + ":app";
    }
  return "main:app";
}

std::string found_start(const Source& source, DetectedPlan& plan) {
  const std::string packages =
      source.text("requirements.txt") + source.text("pyproject.toml") + source.text("Pipfile");
  const bool gunicorn = contains_word(packages, "gunicorn");
  const std::string bind = "0.0.0.0:${PORT:-8000}";
  if (source.has("manage.py")) {
    for (const std::string& name : source.tree.names(""))
      if (source.has(name + "/wsgi.py")) {
        plan.notes.push_back("A Django project: " + name + ".");
        return gunicorn ? "gunicorn --bind " + bind + " " + name + ".wsgi"
                        : "python manage.py runserver " + bind;
      }
    return "python manage.py runserver " + bind;
  }
  if (contains_word(packages, "fastapi") || contains_word(packages, "FastAPI")) {
    plan.notes.emplace_back("A FastAPI application.");
    return "uvicorn " + application(source, "FastAPI") + " --host 0.0.0.0 --port ${PORT:-8000}";
  }
  if (gunicorn && (contains_word(packages, "flask") || contains_word(packages, "Flask"))) {
    plan.notes.emplace_back("A Flask application.");
    return "gunicorn --bind " + bind + " " + application(source, "Flask");
  }
  const std::string file = main_file(source);
  return file.empty() ? "" : "python " + file;
}

bool fits(const Source& source) {
  return !first_file(source.tree, {"requirements.txt", "pyproject.toml", "Pipfile", "main.py",
                                   "app.py", "manage.py", "server.py", "bot.py"})
              .empty();
}

Result<DetectedPlan> plan(const Source& source) {
  DetectedPlan plan;
  const auto wanted = requires_python(source);
  if (!wanted) return wanted.error();
  const std::string base = "python:" + version_of(source, *wanted, plan) + "-slim";
  Lines lines;
  lines.add("FROM " + base + " AS build")
      .add("WORKDIR /app")
      .run("python -m venv /opt/venv")
      .add("ENV PATH=/opt/venv/bin:$PATH PIP_DISABLE_PIP_VERSION_CHECK=1");
  install(source, plan, lines);
  if (const std::string build = build_command(source, ""); !build.empty()) lines.run(build);
  lines.blank()
      .add("FROM " + base)
      .add("WORKDIR /app")
      .run("useradd --uid 1001 --no-create-home app")
      .add("ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1")
      .add("COPY --from=build /opt/venv /opt/venv")
      .add("COPY --from=build --chown=app /app /app")
      .add("USER app");
  lines.command(start_command(source, found_start(source, plan), plan));
  return finish(std::move(plan), lines, source);
}

}  // namespace

const Provider kPython{"python", fits, plan};

}  // namespace gantry::detecting
