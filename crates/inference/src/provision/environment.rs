use std::env;
use std::path::PathBuf;

/// What of the process's surroundings provisioning depends on; a value, so that tests need not change them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment {
    /// The user's home folder.
    pub home: Option<PathBuf>,
    /// `XDG_CACHE_HOME`.
    pub xdg_cache: Option<PathBuf>,
    /// `METAORCH_MODEL_PATH`: a model file to use as it is.
    pub model_path: Option<PathBuf>,
    /// `METAORCH_EMBEDDER_PATH`: a folder with the files of a sentence encoder to use as they are.
    pub embedder_path: Option<PathBuf>,
    /// Python programs to try in turn: names to look up in `PATH`, or absolute paths.
    pub python: Vec<PathBuf>,
}

impl Environment {
    /// The surroundings of this process, with `python3` and then `python`. Empty variables count as unset.
    pub fn from_process() -> Self {
        let path = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        Self {
            home: env::home_dir().filter(|home| !home.as_os_str().is_empty()),
            xdg_cache: path("XDG_CACHE_HOME"),
            model_path: path("METAORCH_MODEL_PATH"),
            embedder_path: path("METAORCH_EMBEDDER_PATH"),
            python: vec!["python3".into(), "python".into()],
        }
    }

    /// The user's folder for caches. A relative `XDG_CACHE_HOME` is ignored, as its specification demands.
    pub(super) fn cache(&self) -> Option<PathBuf> {
        let xdg = self.xdg_cache.clone().filter(|path| path.is_absolute());
        xdg.or_else(|| Some(self.home.as_ref()?.join(".cache")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cache_is_where_xdg_says_else_in_the_home_folder() {
        let of = |xdg: Option<&str>, home: Option<&str>| {
            let environment = Environment {
                xdg_cache: xdg.map(PathBuf::from),
                home: home.map(PathBuf::from),
                ..Environment::default()
            };
            environment.cache()
        };
        assert_eq!(of(Some("/x"), Some("/h")), Some("/x".into()));
        assert_eq!(of(Some("x"), Some("/h")), Some("/h/.cache".into()));
        assert_eq!(of(None, Some("/h")), Some("/h/.cache".into()));
        assert_eq!(of(None, None), None);
    }
}
