//! The texts as files, for who wants to see how long a built program takes for them.

use super::LARGEST;
use super::texts::TEXTS;

/// Each at as many bytes as are looked at. `scripts/try-hostile` has them written out as
/// skills, to see how long a release build takes for each.
#[test]
fn every_text_can_be_as_long_as_is_looked_at() {
    let folder = std::env::var_os("SKILLS_HOSTILE").map(std::path::PathBuf::from);
    for (at, (name, path, make)) in TEXTS.iter().enumerate() {
        for size in [LARGEST / 4, LARGEST / 2, LARGEST] {
            let fits = |less: &usize| Some(make(size - size / 16 * less)).filter(|text| text.len() <= size);
            let text = (0..8).find_map(|less| fits(&less)).unwrap_or_default();
            assert!(text.len() > size / 2, "{name}: {}", text.len());
            if let Some(folder) = &folder {
                let skill = folder.join(format!("{at}-{}", size / 1024));
                let file = skill.join(path);
                std::fs::create_dir_all(file.parent().unwrap()).unwrap();
                std::fs::write(skill.join("SKILL.md"), "---\nname: x\ndescription: y\n---\n").unwrap();
                std::fs::write(file, text).unwrap();
                std::fs::write(folder.join(format!("{at}.name")), name).unwrap();
            }
        }
    }
}
