//! Patterns of resources, and resources.

use fabric_gate::Pattern;
use fabric_model::Resource;

/// A pattern, a line end, a resource. What is printed means what was read, and the pattern of a resource holds it and is no wildcard.
pub fn run(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (pattern, resource) = text.split_once('\n').unwrap_or((text, text));
    let pattern = pattern.parse::<Pattern>().ok();
    if let Some(pattern) = &pattern {
        assert_eq!(pattern.to_string().parse::<Pattern>().as_ref(), Ok(pattern));
    }
    let Ok(resource) = resource.parse::<Resource>() else { return };
    assert_eq!(resource.to_string().parse::<Resource>().as_ref(), Ok(&resource));
    let exact = Pattern::from(&resource);
    assert!(exact.matches(&resource), "{exact} and {resource}");
    // A host of kind `file` without a path stands for all of its files.
    assert!(!exact.has_wildcard() || matches!(&resource, Resource::File { .. }), "{exact}");
    if let Some(pattern) = pattern
        && pattern.matches(&resource)
    {
        assert!(pattern.has_wildcard() || pattern == exact, "{pattern} holds {resource}");
    }
}
