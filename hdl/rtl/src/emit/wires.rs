//! Wires that say nothing are left out: clocks, pins and registers are connected to what drives
//! them.

use std::collections::{HashMap, HashSet};

use super::expr::Expr;
use super::module::Module;
use super::split::Process;

/// How often each net is read, pins and registers left aside.
fn reads(module: &Module) -> HashMap<&str, usize> {
    let mut counts: HashMap<&str, usize> = HashMap::new();
    let mut count = |name, _: Option<(usize, usize)>| *counts.entry(name).or_default() += 1;
    for process in &module.processes {
        process.reads(&mut count);
    }
    counts
}

/// Connects pins of blocks inside and registers directly.
pub(super) fn straighten(module: &mut Module) -> Result<(), String> {
    let mut gone: HashSet<String> = HashSet::new();
    let counts = reads(module);
    let inner: HashSet<String> = module
        .instances
        .iter()
        .flat_map(|i| i.pins.iter().map(|(port, _)| format!("{}_{port}", i.name)))
        .collect();
    let into_registers: HashSet<&str> = module
        .registers
        .iter()
        .flat_map(|r| r.d.net().into_iter().chain([r.clock.as_str()]))
        .collect();
    let (ports, nets) = (&module.ports, &module.nets);
    let signed = |name: &str| {
        let net = ports.iter().chain(nets).find(|net| net.name == name);
        net.is_some_and(|net| net.signed)
    };
    // Single drivers of nets that nothing but the pin or register reads.
    let mut drivers: HashMap<String, Expr> = HashMap::new();
    // Nets that only hand an output of a block inside on, by that output.
    let mut receivers: HashMap<String, String> = HashMap::new();
    for process in &module.processes {
        let Process::Assign(to, value) = process else {
            continue;
        };
        if !counts.contains_key(to.as_str()) {
            drivers.insert(to.clone(), value.clone());
        }
        if let Expr::Net(from) = value
            && counts.get(from.as_str()) == Some(&1)
            && inner.contains(from)
            && !inner.contains(to)
            && !into_registers.contains(to.as_str())
            && signed(from) == signed(to)
        {
            receivers.insert(from.clone(), to.clone());
        }
    }
    for register in &mut module.registers {
        let clock = drivers.get(&register.clock);
        let Some(Expr::Net(clock)) = clock else {
            return Err(format!("register {} has no clock", register.q));
        };
        gone.insert(std::mem::replace(&mut register.clock, clock.clone()));
        if let Expr::Net(d) = &register.d
            && let Some(value) = drivers.get(d)
        {
            gone.insert(d.clone());
            register.d = value.clone();
        }
    }
    let mut connect = |pin: &mut Expr| {
        let Expr::Net(net) = pin else { return };
        if let Some(value) = drivers.get(net).filter(|value| value.is_wiring()) {
            gone.insert(net.clone());
            *pin = value.clone();
        } else if let Some(to) = receivers.get(net) {
            gone.insert(net.clone());
            // The assignment goes with the net that it reads.
            *pin = Expr::Net(to.clone());
        }
    };
    for (_, pin) in module.instances.iter_mut().flat_map(|i| &mut i.pins) {
        pin.iter_mut().for_each(&mut connect);
    }
    module.processes.retain(|process| match process {
        Process::Assign(to, Expr::Net(from)) => !gone.contains(to) && !gone.contains(from),
        Process::Assign(to, _) => !gone.contains(to),
        Process::Always(_) => true,
    });
    module.nets.retain(|net| !gone.contains(&net.name));
    Ok(())
}
