//! From named layers to the table of a SqueezeNet: its figures follow from the names and shapes.

use std::collections::{BTreeMap, BTreeSet};

use super::{ImportError, Layer, Options};
use crate::squeezenet::{Fire, SqueezeNet};

/// The parts of a Fire module, in Firebrick's names and in torchvision's.
const PARTS: [(&str, &str); 3] = [
    ("squeeze1x1", "squeeze"),
    ("expand1x1", "expand1x1"),
    ("expand3x3", "expand3x3"),
];

fn fail(reason: impl Into<String>) -> ImportError {
    ImportError::new(
        "the layers",
        reason,
        "they must be named as torchvision names them (features.0, features.3.squeeze, ..., \
         classifier.1) or as Caffe does (conv1, fire2/squeeze1x1, ..., conv10)",
    )
}

/// The table, its layers by Firebrick's names, and whether the names were torchvision's.
pub fn table(
    layers: BTreeMap<String, Layer>,
    options: &Options,
) -> Result<(SqueezeNet, BTreeMap<String, Layer>, bool), ImportError> {
    let strip = |name: String| match name.strip_prefix("module.") {
        Some(rest) => rest.to_owned(),
        None => name,
    };
    let layers: BTreeMap<_, _> = layers.into_iter().map(|(n, l)| (strip(n), l)).collect();
    let torchvision = layers.contains_key("features.0");
    let (layers, pools) = if torchvision {
        let (layers, pools) = from_torchvision(layers)?;
        (layers, Some(pools))
    } else {
        (layers, None)
    };
    let first = layers
        .get("conv1")
        .ok_or_else(|| fail("there is no conv1"))?;
    let (kernel, _, _, outputs) = first.kernel.dim();
    let (last, modules) = split(&layers)?;
    let mut fires = Vec::new();
    for number in 2..2 + modules {
        let outputs = |part: &str| {
            let layer = layers.get(&format!("fire{number}/{part}"));
            layer.map_or(0, |l| l.kernel.dim().3)
        };
        let [squeeze, expand1, expand3] = PARTS.map(|(part, _)| outputs(part));
        let fire = Fire {
            squeeze,
            expand1,
            expand3,
        };
        // Pruning may leave nothing of one expand: then what comes next takes only the other.
        let next = match number < 1 + modules {
            true => format!("fire{}/squeeze1x1", number + 1),
            false => last.clone(),
        };
        let taken = layers.get(&next).map_or(0, |l| l.kernel.dim().2);
        let pruned = fire.outputs() > 0 && fire.outputs() == taken;
        for (part, _) in PARTS.into_iter().filter(|(part, _)| outputs(part) == 0) {
            if part == PARTS[0].0 || !pruned {
                return Err(fail(format!("there is no fire{number}/{part}")));
            }
        }
        fires.push(fire);
    }
    let usual = if kernel == 7 {
        SqueezeNet::v1_0()
    } else {
        SqueezeNet::v1_1()
    };
    let known = (usual.fires.len() == fires.len()).then(|| usual.pools.clone());
    let pools = options.pools.clone().or(pools).or(known).ok_or_else(|| {
        ImportError::new(
            "the layers",
            format!("{modules} Fire modules do not say where the pools are"),
            "give the layers that they follow with --pools, as in --pools 1,3,5",
        )
    })?;
    if pools.iter().any(|p| !(1..2 + modules).contains(p)) {
        return Err(ImportError::new(
            "--pools",
            format!("{pools:?} names a layer that is not there"),
            format!("give layers from 1 (conv1) to {}", 1 + modules),
        ));
    }
    let classes = layers.get(&last).map_or(0, |l| l.kernel.dim().3);
    let table = SqueezeNet {
        kernel,
        outputs,
        fires,
        pools,
        classes,
        ceil: options.ceil.unwrap_or(true),
        last_pad: options.last_pad.unwrap_or(0),
        stride: options.first_stride.unwrap_or(usual.stride),
        ..usual
    };
    let layers = layers
        .into_iter()
        .filter(|(_, layer)| layer.kernel.dim().3 > 0)
        .map(|(name, layer)| match name == last {
            true => (SqueezeNet::LAST.to_owned(), layer),
            false => (name, layer),
        })
        .collect();
    Ok((table, layers, torchvision))
}

/// The last convolution's name and the number of modules.
fn split(layers: &BTreeMap<String, Layer>) -> Result<(String, usize), ImportError> {
    let mut modules = BTreeSet::new();
    let mut last = Vec::new();
    for name in layers.keys().filter(|name| *name != "conv1") {
        let module = name
            .strip_prefix("fire")
            .and_then(|rest| rest.split_once('/'));
        match module.and_then(|(number, part)| {
            let number: usize = number.parse().ok()?;
            PARTS.iter().any(|(p, _)| *p == part).then_some(number)
        }) {
            Some(number) => {
                modules.insert(number);
            }
            None => last.push(name.clone()),
        }
    }
    let [last] = &last[..] else {
        last.truncate(8);
        return Err(fail(format!(
            "besides conv1 and the Fire modules there are {last:?}, where one last convolution is \
             wanted"
        )));
    };
    let wanted: Vec<usize> = (2..2 + modules.len()).collect();
    if !modules.iter().copied().eq(wanted) {
        return Err(fail(format!(
            "the Fire modules {modules:?} are not numbered from 2 on"
        )));
    }
    Ok((last.clone(), modules.len()))
}

/// torchvision counts every layer in `features`: a number that is left out between two modules
/// is a pool.
fn from_torchvision(
    layers: BTreeMap<String, Layer>,
) -> Result<(BTreeMap<String, Layer>, Vec<usize>), ImportError> {
    let number = |name: &str| -> Option<usize> {
        let rest = name.strip_prefix("features.")?;
        rest.split('.').next()?.parse().ok()
    };
    let numbers: BTreeSet<usize> = layers.keys().filter_map(|name| number(name)).collect();
    let mut pools = Vec::new();
    // Behind conv1 and its ReLU.
    let mut next = 2;
    let mut modules = BTreeMap::new();
    for &found in numbers.iter().filter(|&&n| n != 0) {
        let layer = modules.len() + 1;
        match found.checked_sub(next) {
            Some(0) => {}
            Some(1) => pools.push(layer),
            _ => {
                return Err(fail(format!(
                    "features.{found} does not follow the one before"
                )));
            }
        }
        modules.insert(found, layer + 1);
        next = found + 1;
    }
    let mut renamed = BTreeMap::new();
    for (name, layer) in layers {
        let new = match (number(&name), name.as_str()) {
            (Some(0), "features.0") => "conv1".to_owned(),
            (Some(n), _) => {
                let part = PARTS
                    .iter()
                    .find(|(_, theirs)| name == format!("features.{n}.{theirs}"));
                match (modules.get(&n), part) {
                    (Some(module), Some((ours, _))) => format!("fire{module}/{ours}"),
                    _ => return Err(fail(format!("{name} is not known"))),
                }
            }
            (None, "classifier.1") => SqueezeNet::LAST.to_owned(),
            (None, _) => return Err(fail(format!("{name} is not known"))),
        };
        renamed.insert(new, layer);
    }
    Ok((renamed, pools))
}
