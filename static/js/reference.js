// Before Scalar: gives each <style> that it makes the page's nonce, so that the strict policy holds.
const nonce = document.querySelector('meta[property="csp-nonce"]')?.content;
const create = document.createElement.bind(document);
document.createElement = (name, options) => {
  const made = create(name, options);
  if (String(name).toLowerCase() === "style" && nonce) made.setAttribute("nonce", nonce);
  return made;
};
